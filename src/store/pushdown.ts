// SPDX-License-Identifier: Apache-2.0
// Reads, from a statement as DuckDB parses it (json_serialize_sql), which tables it uses and within which
// bounds it can want accesses. DuckDB still applies the whole WHERE: bounds may be too wide, never too narrow.

import {
  type AccessBounds,
  type BoundedColumn,
  type Bounds,
  isBoundedColumn,
  U64_MAX,
} from './access-bounds.ts';

type JsonObject = Readonly<Record<string, unknown>>;

export interface Statement {
  /** DuckDB's words when it could not parse the text. */
  readonly error: string | undefined;
  /** How many statements there are. */
  readonly count: number;
  /** Names of tables and views, lower case; of common table expressions too. */
  readonly tables: ReadonlySet<string>;
  /** By name, or through a view. */
  readonly readsAccesses: boolean;
  /** Bounds for the table `accesses`; none when it is used more than once. */
  readonly bounds: AccessBounds;
}

/** The text of json_serialize_sql. Numbers that a double cannot hold are kept exact. */
export function readStatement(serialized: string): Statement {
  const exact = serialized.replaceAll(/([:[,])(-?\d{16,})(?=[,}\]])/g, '$1"$2"');
  const root: unknown = JSON.parse(exact);
  const tables: string[] = [];
  const selects: JsonObject[] = [];
  let isSampled = false; // a sample is taken of what there is before WHERE
  visit(root, (node) => {
    isSampled ||= isObject(node['sample']);
    if (node['type'] === 'BASE_TABLE') tables.push(tableName(node));
    if (node['type'] === 'SELECT_NODE') selects.push(node);
  });
  const isOne = tables.filter((name) => name === 'accesses').length === 1;
  const hasViews = tables.includes('pages');
  const select = selects.find((node) => findTable(node['from_table'], 'accesses') !== undefined);
  const head = isObject(root) ? root : {};
  return {
    error: head['error'] === true ? textOf(head['error_message']) : undefined,
    count: Array.isArray(head['statements']) ? head['statements'].length : 0,
    tables: new Set(tables),
    readsAccesses: hasViews || tables.includes('accesses'),
    bounds: isOne && !hasViews && !isSampled && select !== undefined ? boundsOf(select) : new Map(),
  };
}

function visit(value: unknown, onObject: (node: JsonObject) => void): void {
  if (Array.isArray(value)) {
    for (const one of value) visit(one, onObject);
  } else if (isObject(value)) {
    onObject(value);
    for (const one of Object.values(value)) visit(one, onObject);
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function tableName(node: JsonObject): string {
  const name = node['table_name'];
  return typeof name === 'string' ? name.toLowerCase() : '';
}

/** Joins that pair rows by what is in them; ASOF and POSITIONAL ones depend on which rows there are. */
const PLAIN_JOINS: readonly unknown[] = ['REGULAR', 'CROSS', 'NATURAL'];

/** The table among what a FROM joins, not inside its subqueries. */
function findTable(from: unknown, name: string): JsonObject | undefined {
  if (!isObject(from)) return undefined;
  if (from['type'] === 'JOIN') {
    if (!PLAIN_JOINS.includes(from['ref_type'])) return undefined;
    return findTable(from['left'], name) ?? findTable(from['right'], name);
  }
  return from['type'] === 'BASE_TABLE' && tableName(from) === name ? from : undefined;
}

/**
 * A comparison in WHERE leaves no row with another value, nor one with NULL that an outer join made: rows
 * outside of it may be missing from the table as well.
 */
function boundsOf(select: JsonObject): AccessBounds {
  const from = select['from_table'];
  const table = findTable(from, 'accesses');
  const alias = table?.['alias'];
  const names = {
    isAlone: isObject(from) && from['type'] === 'BASE_TABLE',
    qualifier: typeof alias === 'string' && alias !== '' ? alias.toLowerCase() : 'accesses',
  };
  const bounds = new Map<BoundedColumn, Bounds>();
  for (const condition of conjuncts(select['where_clause'])) {
    const found = boundsOfCondition(condition, names);
    if (found === undefined) continue;
    const [column, { min, max }] = found;
    const before = bounds.get(column) ?? { min: 0n, max: U64_MAX };
    bounds.set(column, {
      min: min > before.min ? min : before.min,
      max: max < before.max ? max : before.max,
    });
  }
  return bounds;
}

function conjuncts(clause: unknown): readonly JsonObject[] {
  if (!isObject(clause)) return [];
  if (clause['type'] !== 'CONJUNCTION_AND') return [clause];
  const { children } = clause;
  return Array.isArray(children) ? children.flatMap(conjuncts) : [];
}

interface Names {
  /** The statement reads nothing but accesses there: names need no table. */
  readonly isAlone: boolean;
  readonly qualifier: string;
}

function boundsOfCondition(
  node: JsonObject,
  names: Names,
): readonly [BoundedColumn, Bounds] | undefined {
  switch (node['type']) {
    case 'COMPARE_BETWEEN': {
      const column = columnOf(node['input'], names);
      const min = numberOf(node['lower']);
      const max = numberOf(node['upper']);
      return column === undefined || min === undefined || max === undefined
        ? undefined
        : [column, { min, max }];
    }
    case 'COMPARE_IN': {
      const children: readonly unknown[] = Array.isArray(node['children']) ? node['children'] : [];
      const [first, ...rest] = children;
      const column = columnOf(first, names);
      const values = rest.map(numberOf).filter((value) => value !== undefined);
      if (column === undefined || values.length === 0 || values.length < rest.length)
        return undefined;
      return [column, { min: least(values), max: -least(values.map((value) => -value)) }];
    }
    default:
      return boundsOfComparison(node, names);
  }
}

const MIRRORED: Readonly<Record<string, string>> = {
  COMPARE_EQUAL: 'COMPARE_EQUAL',
  COMPARE_LESSTHAN: 'COMPARE_GREATERTHAN',
  COMPARE_GREATERTHAN: 'COMPARE_LESSTHAN',
  COMPARE_LESSTHANOREQUALTO: 'COMPARE_GREATERTHANOREQUALTO',
  COMPARE_GREATERTHANOREQUALTO: 'COMPARE_LESSTHANOREQUALTO',
};

function boundsOfComparison(
  node: JsonObject,
  names: Names,
): readonly [BoundedColumn, Bounds] | undefined {
  const type = textOf(node['type']);
  const left = columnOf(node['left'], names);
  const column = left ?? columnOf(node['right'], names);
  const value = numberOf(node[left === undefined ? 'left' : 'right']);
  if (column === undefined || value === undefined) return undefined;
  switch (left === undefined ? MIRRORED[type] : type) {
    case 'COMPARE_EQUAL':
      return [column, { min: value, max: value }];
    case 'COMPARE_LESSTHAN':
      return [column, { min: 0n, max: value - 1n }];
    case 'COMPARE_LESSTHANOREQUALTO':
      return [column, { min: 0n, max: value }];
    case 'COMPARE_GREATERTHAN':
      return [column, { min: value + 1n, max: U64_MAX }];
    case 'COMPARE_GREATERTHANOREQUALTO':
      return [column, { min: value, max: U64_MAX }];
    default:
      return undefined;
  }
}

function columnOf(node: unknown, names: Names): BoundedColumn | undefined {
  if (!isObject(node) || node['type'] !== 'COLUMN_REF') return undefined;
  const words = Array.isArray(node['column_names']) ? node['column_names'].map(String) : [];
  const [qualifier, name] = words.length === 2 ? words : [undefined, words[0]];
  const isOurs =
    qualifier === undefined ? names.isAlone : qualifier.toLowerCase() === names.qualifier;
  const column = name?.toLowerCase();
  return words.length <= 2 && isOurs && column !== undefined && isBoundedColumn(column)
    ? column
    : undefined;
}

/** Of a constant that is a whole number. */
function numberOf(node: unknown): bigint | undefined {
  if (!isObject(node) || node['type'] !== 'VALUE_CONSTANT' || !isObject(node['value'])) {
    return undefined;
  }
  const { type, value } = node['value'];
  const id = isObject(type) ? textOf(type['id']) : '';
  if (!/^U?(?:TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)$/.test(id)) return undefined;
  if (isObject(value)) {
    const { upper, lower } = value;
    return BigInt(textOf(upper)) * 2n ** 64n + BigInt(textOf(lower));
  }
  return BigInt(textOf(value));
}

/** Of a word or a number. */
function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function least(values: readonly bigint[]): bigint {
  return values.reduce((a, b) => (b < a ? b : a));
}
