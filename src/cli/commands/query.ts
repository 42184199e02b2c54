// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import { ExitCode, formatQuantity, TraceError, UserError } from '../../base/index.ts';
import { isStandardOutput } from '../../capture/index.ts';
import { openTrace } from '../../format/index.ts';
import { addressSpaceRows, quoteWord } from '../../query/index.ts';
import {
  columnsOf,
  FILE_FORMATS,
  type FileFormat,
  openTraceDatabase,
  type RunOptions,
  rowsOf,
} from '../../store/index.ts';
import { analyseAddressSpaces } from '../address-space-option.ts';
import {
  type CliContext,
  type CommandInput,
  type CommandSpec,
  findCount,
  findText,
  isOn,
  printResult,
  threadsFrom,
  wordAt,
} from '../command-spec.ts';
import { databaseNames } from '../database-names.ts';
import { requireReplaceable } from '../export-output.ts';
import { readGuestSymbols, SYMBOLS_OPTION } from '../guest-symbols.ts';
import { inputFiles } from '../input-files.ts';
import { withAbort } from '../interrupts.ts';
import { ROW_FORMATS, type RowFormat, renderSchema, writeRows } from '../render/query.ts';
import { statusLine } from '../status-line.ts';

export const queryCommand: CommandSpec = {
  details: `Runs one SELECT on DuckDB. Nothing is loaded beforehand: the trace is decoded while the table accesses is
read, only the columns that the statement needs, and rows outside of what its WHERE compares with numbers are left
out at once (ordinal, icount, vcpu, pc, vaddr, paddr, size, cpl, cr3, block, insn). Hexadecimal numbers may be written
0x1000. docs/sql.md has questions and their answers.`,
  options: [
    { flags: '--schema', description: 'print the tables and their columns' },
    {
      flags: '--format <FORMAT>',
      description:
        'table (default), csv or json; with --output csv, json or parquet, by default as the file is named',
    },
    {
      flags: '-o, --output <FILE>',
      description: 'write the result to a file: .csv, .json, .parquet',
    },
    { flags: '-f, --force', description: 'replace the file if it exists' },
    { flags: '--limit <N>', description: 'rows that a table shows; 0: all; default: 100' },
    SYMBOLS_OPTION,
    { flags: '--jobs <N>', description: 'threads that decode; default: all of the machine' },
    { flags: '--json', description: 'the same as --format json' },
  ],
  examples: [
    "loadstore query boot.memtrace 'select kind, size, count(*) from accesses group by all'",
    "loadstore query boot.memtrace 'select * from accesses where vaddr between 0xfed00000 and 0xfed00fff'",
    'loadstore query boot.memtrace --schema',
  ],
  run: runQuery,
};

const DEFAULT_LIMIT = 100;

async function runQuery(input: CommandInput, context: CliContext): Promise<ExitCode> {
  const sql = input.words[1];
  const format = formatFrom(input);
  const target = targetFrom(input);
  const limit = findCount(input, 'limit', '--limit') ?? DEFAULT_LIMIT;
  const threads = threadsFrom(input);
  if (isOn(input, 'schema') === (sql !== undefined)) {
    throw new UserError(
      ExitCode.usage,
      sql === undefined ? 'missing: the statement' : '--schema and a statement',
      "loadstore query FILE 'select ...', or loadstore query FILE --schema",
    );
  }
  const trace = await openTrace(wordAt(input, 0));
  const line = statusLine(context);
  try {
    const symbols = await readGuestSymbols(input, context, trace);
    const database = await openTraceDatabase({
      trace,
      names: databaseNames(trace.code, symbols),
      findSpaces: async (signal) => {
        const { spaces } = await analyseAddressSpaces(trace, symbols, { line, threads, signal });
        return addressSpaceRows(spaces, symbols);
      },
      files: true,
      threads,
    });
    try {
      if (sql === undefined) {
        await printResult(context, input, { tables: await database.schema() }, renderSchema);
      } else {
        const work = withAbort(async (signal) => {
          const run: RunOptions = {
            signal,
            onProgress: (part) => {
              line.showPart(part, 'reading the trace');
            },
          };
          if (target === undefined) {
            await database.query(
              sql,
              async (result) => {
                const columns = columnsOf(result);
                const write = async (text: string): Promise<void> => {
                  line.clear();
                  await context.writeOut(text);
                };
                const counted = countRows(rowsOf(result));
                await writeRows({ columns, parts: counted.parts, format, limit }, write);
                if (counted.count() === 0) {
                  line.clear();
                  context.writeErr('loadstore: note: no row: the statement selects nothing\n');
                }
              },
              run,
            );
          } else {
            const rows = await database.write(sql, target.file, target.format, run);
            line.clear();
            context.writeErr(
              `loadstore: ${formatQuantity(rows, 'row')} written to ${target.file}\n`,
            );
          }
        });
        await work.catch((error: unknown) => {
          throw withSchemaRemedy(error, trace.path);
        });
      }
    } finally {
      database.close();
    }
    line.clear();
    if (!trace.complete) {
      context.writeErr('loadstore: note: this trace was cut; "loadstore info" says where\n');
    }
    return ExitCode.ok;
  } finally {
    line.clear();
    await trace.close();
  }
}

/** What DuckDB refuses is in its own words: what there is to ask for is this command's to say. */
function withSchemaRemedy(error: unknown, file: string): unknown {
  const isRefused = error instanceof TraceError && error.kind === 'bad-argument';
  const remedy = `loadstore query ${quoteWord(file)} --schema, for the tables and columns that there are`;
  return isRefused ? error.withFacts({ remedy }) : error;
}

function countRows<T>(parts: AsyncIterable<readonly T[]>): {
  readonly parts: AsyncIterable<readonly T[]>;
  /** Of what has been read. */
  count(): number;
} {
  let rowCount = 0;
  async function* counting(): AsyncGenerator<readonly T[], void, undefined> {
    for await (const rows of parts) {
      rowCount += rows.length;
      yield rows;
    }
  }
  return { parts: counting(), count: () => rowCount };
}

/** The file to write, and in what format: by its name unless --format says. */
function targetFrom(input: CommandInput): { file: string; format: FileFormat } | undefined {
  const file = findText(input, 'output');
  if (file === undefined) return undefined;
  if (isStandardOutput(file)) {
    throw new UserError(
      ExitCode.usage,
      `${file} is standard output, and --output is a file`,
      '--format csv or --format json without --output; or name a file: -o FILE',
    );
  }
  const word = findText(input, 'format') ?? path.extname(file).slice(1);
  const format = FILE_FORMATS.find((one) => one === word);
  if (format === undefined) {
    throw new TraceError('bad-argument', 'the format of the file to write is not known', {
      expected: FILE_FORMATS.join(', '),
      found: word === '' ? file : word,
      remedy: 'name it so, -o FILE.csv, or say it: --format csv',
    });
  }
  requireReplaceable({
    name: file,
    isFolder: false,
    option: '-o FILE',
    force: isOn(input, 'force'),
    inputs: inputFiles(input),
  });
  return { file, format };
}

function formatFrom(input: CommandInput): RowFormat {
  if (isOn(input, 'json')) return 'json';
  const word = findText(input, 'format') ?? 'table';
  const format = ROW_FORMATS.find((one) => one === word);
  if (format !== undefined) return format;
  if (word === 'parquet' && findText(input, 'output') !== undefined) return 'table'; // not used
  throw new TraceError('bad-argument', '--format is not known, or needs --output', {
    expected: [...ROW_FORMATS, 'parquet with --output'].join(', '),
    found: word,
    remedy: 'one of those, such as --format csv, or --format parquet -o FILE',
  });
}
