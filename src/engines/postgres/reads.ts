/** {@link ReadTest} of PostgreSQL, by the server's own parser (libpg-query, WebAssembly). */
import { PURE_FUNCTIONS, type ReadTest, remembering } from '../reads.js'

/** Takes about 50 ms: for pools that have replicas. */
export async function loadPostgresReads(): Promise<ReadTest> {
  const { loadModule, parseSync } = await import('libpg-query')
  await loadModule()
  return remembering((text) => {
    // The parser would end where the character stands.
    if (text.includes('\0')) return false
    try {
      const { stmts = [] } = parseSync(text) as { stmts?: { stmt?: unknown }[] }
      const statement = stmts.length === 1 ? stmts[0]!.stmt : undefined
      return isNode(statement) && 'SelectStmt' in statement && isHarmless(statement)
    } catch {
      // No SQL, or more than the parser takes.
      return false
    }
  })
}

type Node = Readonly<Record<string, unknown>>

/** Parts of a SELECT. A locking clause, a statement within a CTE, XML and JSON tables, for example, are not among them. */
const NODES: Readonly<Record<string, (node: Node) => boolean>> = {
  ...Object.fromEntries(
    `SelectStmt ResTarget ColumnRef A_Star A_Const ParamRef BoolExpr NullTest BooleanTest SubLink RangeSubselect RangeFunction
     JoinExpr SortBy WindowDef CaseExpr CaseWhen CoalesceExpr MinMaxExpr A_ArrayExpr RowExpr A_Indirection A_Indices
     CommonTableExpr CollateClause GroupingSet GroupingFunc List String Integer Float Boolean`
      .split(/\s+/)
      .map((name) => [name, () => true]),
  ),
  // OPERATOR(schema.+) may name anything.
  A_Expr: ({ name }) => partsOf(name).length <= 1,
  FuncCall: ({ funcname }) => isBuiltIn(partsOf(funcname), FUNCTIONS),
  TypeCast: ({ typeName }) => isNode(typeName) && isBuiltIn(partsOf(typeName['names']), TYPES),
  SQLValueFunction: ({ op }) => /^SVFOP_(CURRENT|LOCAL)_?(DATE|TIME)/.test(String(op)),
  // Temporary tables, and views of the server about itself: other ones on each host.
  RangeVar: ({ schemaname, relname }) =>
    !/^pg_|^information_schema$/.test(String(schemaname)) && !String(relname).startsWith('pg_'),
}

const FUNCTIONS = new Set([
  ...PURE_FUNCTIONS,
  ...`btrim initcap split_part strpos starts_with translate regexp_replace regexp_match regexp_matches regexp_split_to_array
    regexp_split_to_table regexp_count regexp_substr string_to_array array_to_string overlay like_escape chr to_hex encode decode
    sha256 sha512 format_type quote_literal quote_ident div trunc cbrt gcd lcm width_bucket scale
    date_trunc date_part date_bin age make_date make_time make_timestamp make_timestamptz make_interval to_char to_date to_number
    to_timestamp timezone justify_days justify_hours justify_interval isfinite overlaps
    json_build_object json_build_array jsonb_build_object jsonb_build_array json_agg jsonb_agg json_object_agg jsonb_object_agg
    to_json to_jsonb row_to_json array_to_json jsonb_set jsonb_insert jsonb_strip_nulls jsonb_pretty jsonb_typeof json_typeof
    json_array_elements json_array_elements_text jsonb_array_elements jsonb_array_elements_text json_array_length jsonb_array_length
    json_each json_each_text jsonb_each jsonb_each_text json_object_keys jsonb_object_keys json_extract_path json_extract_path_text
    jsonb_extract_path jsonb_extract_path_text jsonb_path_exists jsonb_path_query jsonb_path_query_array jsonb_path_query_first
    array_agg array_length array_lower array_upper array_position array_positions array_append array_prepend array_cat array_remove
    array_replace array_ndims cardinality unnest generate_series generate_subscripts string_agg bool_and bool_or every
    percentile_cont percentile_disc mode regr_slope regr_intercept corr covar_pop covar_samp num_nulls num_nonnulls
    to_tsvector to_tsquery plainto_tsquery phraseto_tsquery websearch_to_tsquery ts_rank ts_rank_cd ts_headline setweight
    lower_inc upper_inc isempty int4range int8range numrange daterange tsrange tstzrange range_agg range_merge
    host masklen network`
    .trim()
    .split(/\s+/),
])

const TYPES = new Set(
  `bool int2 int4 int8 float4 float8 numeric text varchar bpchar char name bytea uuid json jsonb date time timetz timestamp
   timestamptz interval inet cidr macaddr bit varbit oid money tsvector tsquery jsonpath`.split(/\s+/),
)

/** Keys of a SELECT that are no tagged nodes. */
const FORBIDDEN_KEYS = new Set(['intoClause', 'lockingClause'])

function isHarmless(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isHarmless)
  if (!isNode(value)) return true
  return Object.entries(value).every(([key, inner]) => {
    if (FORBIDDEN_KEYS.has(key)) return false
    // Names of node types begin with a capital letter, names of fields do not.
    if (/^[A-Z]/.test(key) && !(Object.hasOwn(NODES, key) && isNode(inner) && NODES[key]!(inner))) return false
    return isHarmless(inner)
  })
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The words of a qualified name. A part that is no word makes it a name that nothing has. */
function partsOf(name: unknown): string[] {
  if (!Array.isArray(name)) return []
  return name.map((part: unknown) => {
    const text = isNode(part) && isNode(part['String']) ? part['String']['sval'] : undefined
    return typeof text === 'string' ? text : ''
  })
}

function isBuiltIn(parts: readonly string[], names: ReadonlySet<string>): boolean {
  return (parts.length === 1 || (parts.length === 2 && parts[0] === 'pg_catalog')) && names.has(parts.at(-1)!)
}
