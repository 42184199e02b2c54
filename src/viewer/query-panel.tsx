// SPDX-License-Identifier: Apache-2.0
// Rows of a question in SQL. Numbers of accesses and addresses in them can be gone to.

import { useSignal, useSignalEffect } from '@preact/signals';
import type { JSX } from 'preact';
import { formatQuantity } from '../base/index.ts';
import type { SqlReply } from '../server/protocol.ts';
import { goTo, runSql, showAccess } from './actions.ts';
import { ApiFailure, api } from './api-client.ts';
import { focusFindBox } from './find-box.tsx';
import { JobProgress } from './job-progress.tsx';
import { tell } from './notices.ts';
import * as page from './page-state.ts';
import { reportProblem } from './problems.ts';

const LIMIT = 500;
/** Each table with its columns, in a row. */
const SCHEMA = [
  "select table_name, string_agg(column_name, ', ' order by ordinal_position) as columns",
  'from information_schema.columns group by 1 order by 1',
].join(' ');

const SCHEMA_BUTTON = 'Tables and columns';

type Cell = SqlReply['rows'][number][number];

export function QueryPanel(): JSX.Element {
  const reply = useSignal<SqlReply | null>(null);
  const refusal = useSignal('');
  const isBusy = useSignal(false);
  useSignalEffect(() => {
    void page.sqlRuns.value;
    const q = page.sql.value;
    if (q === '' || !page.isReady.value) return undefined;
    const controller = new AbortController();
    const run = async (): Promise<void> => {
      isBusy.value = true;
      refusal.value = '';
      try {
        reply.value = await api.sql({ q, limit: LIMIT }, controller.signal);
        page.announcement.value = formatQuantity(reply.peek()?.rows.length ?? 0, 'row');
      } catch (error) {
        if (controller.signal.aborted) return;
        reply.value = null;
        // What is wrong with a question is said where the answer would be.
        if (error instanceof ApiFailure && error.kind === 'bad-request') {
          refusal.value = error.message;
        } else reportProblem(error);
      } finally {
        if (!controller.signal.aborted) isBusy.value = false;
      }
    };
    void run();
    return () => controller.abort();
  });
  if (page.sql.value === '') {
    return (
      <div class="empty">
        <p>
          Ask in SQL in the box above:{' '}
          <code>select function, count(*) from accesses group by 1</code>
        </p>
        <button type="button" onClick={focusFindBox}>
          Ask
        </button>
        <SchemaButton />
      </div>
    );
  }
  return (
    <div class="query">
      <div class="query-head">
        <code>{page.sql.value}</code>
        {isBusy.value ? <JobProgress name="sql" label="The query runs" /> : <SchemaButton />}
      </div>
      {refusal.value === '' ? null : (
        <div role="alert">
          <p class="refusal">{refusal.value}</p>
          <p>“{SCHEMA_BUTTON}”, at the right, shows what can be asked for.</p>
        </div>
      )}
      {reply.value === null || isBusy.value ? null : <Table reply={reply.value} />}
    </div>
  );
}

function SchemaButton(): JSX.Element {
  return (
    <button type="button" onClick={() => runSql(SCHEMA)}>
      {SCHEMA_BUTTON}
    </button>
  );
}

function Table({ reply }: { reply: SqlReply }): JSX.Element {
  return (
    <>
      <div class="query-rows" role="region" aria-label="Rows of the answer" tabIndex={0}>
        <table>
          <thead>
            <tr>
              {reply.columns.map((name, c) => (
                <th key={name} scope="col" class={isNumber(reply.rows[0]?.[c]) ? 'n' : ''}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {reply.rows.map((row, i) => (
              <tr key={i}>
                {row.map((cell, c) => (
                  <td key={reply.columns[c]} class={isNumber(cell) ? 'n' : ''}>
                    <CellText name={reply.columns[c] ?? ''} cell={cell} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="soft">
        {formatQuantity(reply.rows.length, 'row')}
        {reply.cut ? `; there are more than ${LIMIT}` : ''}
      </p>
    </>
  );
}

/** Those that a double cannot hold come as text. */
function isNumber(cell: Cell | undefined): boolean {
  return typeof cell === 'number' || (typeof cell === 'string' && /^-?\d+$/.test(cell));
}

function CellText({ name, cell }: { name: string; cell: Cell }): JSX.Element {
  // No text is another answer than none.
  if (cell === null) return <span class="soft">null</span>;
  const text = String(cell);
  if (name === 'ordinal' && /^\d+$/.test(text)) {
    return (
      <button type="button" class="link" onClick={() => void showAccess(Number(text))}>
        {text}
      </button>
    );
  }
  if (/^0x[0-9a-f]{1,16}$/i.test(text)) {
    return (
      <button type="button" class="link" onClick={() => void goToAddress(text)}>
        <code>{text}</code>
      </button>
    );
  }
  return <>{text}</>;
}

async function goToAddress(address: string): Promise<void> {
  const { stream, space } = page.view.peek();
  try {
    const { places, message } = await api.find({ q: address, stream });
    const place = places.find((one) => one.space === space) ?? places[0];
    if (place === undefined) tell(message);
    else goTo(place);
  } catch (error) {
    reportProblem(error);
  }
}
