import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createMysqlReads } from '../../src/engines/mysql/reads.ts'
import { loadPostgresReads } from '../../src/engines/postgres/reads.ts'
import { LONGEST_READ, remembering } from '../../src/engines/reads.ts'

// The same statements in each run.
fc.configureGlobal({ seed: 4 })

const postgres = await loadPostgresReads()
const mysql = createMysqlReads()

const READS_OF_BOTH = [
  'select 1',
  'SELECT * FROM orders;',
  "SELECT count(*), max(id) FROM orders WHERE note = 'into; for update'",
  'select * from a where id in (1, 2) and exists (select 1 from b where b.id = a.id)',
  '/* report */ select coalesce(sum(total), 0) from orders -- daily',
  '(select 1) union all (select 2) order by 1 limit 5 offset 10',
  'with recent as (select * from orders where day > current_date) select * from recent join users u on u.id = recent.user_id',
  'select case when a > 1 then lower(b) else upper(b) end from t group by a, b having count(*) > 1',
  'select row_number() over (partition by a order by b desc) from t',
  "select a, 'it''s' from app.t where b like '%x%' and c between 1 and 2.5e3",
  'select now(), current_timestamp, extract(year from day) from t',
  'select cast(a as char(10)) from t',
]

const WRITES_OF_BOTH = [
  '',
  '   ',
  '-- nothing',
  'insert into orders values (1)',
  'update t set a = 1',
  'delete from t',
  'truncate t',
  'create table x as select 1',
  'select 1; delete from orders',
  'select 1; select 2',
  'select * from orders for update',
  'select * from orders for share',
  'select * from orders where id = 1 for update skip locked',
  'select * from (select * from t for update) x',
  'select * from t where a in (select a from u for share)',
  'select app.charge_card(7)',
  'select charge_card(7)',
  'select * from t where charge(a) > 1',
  'select * from t order by charge(a)',
  "select nextval('s')",
  "select lower(nextval('s'))",
  'with gone as (delete from orders) select 1',
  'begin',
  'start transaction read only',
  'commit',
  'set search_path = x',
  'set @a = 1',
  'call close_day()',
  'prepare p as select 1',
  "prepare p from 'select 1'",
  'execute p',
  'deallocate p',
  'lock table t',
  'show tables',
  'explain select 1',
  'explain analyze delete from t',
  'select current_user',
  'select * from information_schema.tables',
  'sel ect',
  "select 'open",
  'select /* open',
  'select \0 1',
  `select '${'x'.repeat(LONGEST_READ)}'`,
]

describe('PostgreSQL', () => {
  test.each([
    ...READS_OF_BOTH,
    'select $1::int, a[1], $2::text[] from t',
    'values (1), (2)',
    'table orders',
    "select data ->> 'a', data @> '{}'::jsonb from t where tags && array['x']",
    'select * from t cross join lateral (select * from u where u.a = t.a limit 1) x',
    'select * from generate_series(1, 10) g(n)',
    'select pg_catalog.lower(a) from t',
    'select distinct on (a) a, b from t order by a, b nulls last',
    'with recursive r(n) as (select 1 union all select n + 1 from r where n < 5) select n from r',
    'select count(*) filter (where a > 1), string_agg(a, $$,$$ order by a) from t',
    "select interval '1 day' + date_trunc('month', now())",
    'select grouping(a), sum(b) from t group by rollup (a)',
    `select "select" from "for update"`,
  ])('a read: %s', (sql) => {
    expect(postgres(sql, [])).toBe(true)
  })

  test.each([
    ...WRITES_OF_BOTH,
    'select * into copy from orders',
    'select a into temp x from t union select b from u',
    'select 1 union (select a from t for no key update)',
    'select * from t for key share',
    'with gone as (delete from orders returning 1) select * from gone',
    'with a as (select 1), b as (insert into t values (1) returning *) select * from a, b',
    'with x as (select 1) insert into t select * from x',
    'select * from t where a = (with d as (update u set b = 1 returning b) select b from d)',
    "select setval('s', 1)",
    'select lastval()',
    "select currval('s')",
    'select pg_advisory_lock(1)',
    'select pg_try_advisory_xact_lock(1)',
    'select pg_sleep(1)',
    'select pg_notify($1, $2)',
    'select txid_current()',
    'select pg_current_wal_lsn()',
    'select pg_is_in_recovery()',
    "select set_config('a.b', '1', false)",
    "select current_setting('a.b')",
    'select random()',
    'select setseed(1)',
    'select gen_random_uuid()',
    'select lo_import($1)',
    "select dblink_exec('insert')",
    "select * from dblink('x', 'y') as t(a int)",
    'select inet_client_addr()',
    'select session_user, current_role',
    'select pg_temp.f()',
    'select * from pg_temp.t',
    'select * from pg_temp_3.t',
    'select * from pg_stat_activity',
    'select * from pg_catalog.pg_locks',
    'select app.lower(a) from t',
    'select "Lower"(a) from t',
    'select a operator(app.+) b from t',
    "select 'active'::app.status",
    'select count(*) from t where not exists (select evil() )',
    'select array(select evil())',
    'select * from evil() with ordinality',
    'select * from rows from (evil(), generate_series(1, 2))',
    'select sum(a) filter (where evil(a)) from t',
    'select row_number() over (order by evil(a)) from t',
    'select * from t limit evil()',
    'select * from t tablesample system (1)',
    'fetch 1 from c',
    'declare c cursor for select 1',
    'copy t to stdout',
    'listen x',
    'notify x',
    'do $$ begin end $$',
    'refresh materialized view v',
    'discard all',
    'merge into t using u on true when matched then delete',
    'vacuum',
  ])('no read: %s', (sql) => {
    expect(postgres(sql, [])).toBe(false)
  })
})

describe('MySQL and MariaDB', () => {
  test.each([
    ...READS_OF_BOTH,
    'select `a b`, "c" from `app`.`orders` where id = ? # comment',
    'select sql_no_cache straight_join * from t use index (x) where a div 2 = 1',
    "select data->>'$.a', json_extract(data, '$.b') from t where match (a) against ('x' in boolean mode)",
    'select date_add(now(), interval 1 day), if(a, 1, 2), ifnull(a, 0), group_concat(a separator ",") from t',
    'select replace(a, "x", "y") from t where b regexp "^a" and c rlike "b"',
    'select 1--1',
    'select 1 -- charge(1)',
    'select * from t where note = "lock in share mode; into @x"',
  ])('a read: %s', (sql) => {
    expect(mysql(sql, [])).toBe(true)
  })

  test.each([
    ...WRITES_OF_BOTH,
    'select * from t lock in share mode',
    'select * from t for update of t nowait',
    "select * into outfile '/tmp/x' from t",
    'select a into @x from t',
    'select @a := 1',
    'select @a',
    'select @@session.sql_mode',
    'select last_insert_id()',
    'select last_insert_id (7)',
    'select found_rows()',
    'select row_count()',
    'select sql_calc_found_rows * from t',
    'select connection_id()',
    "select get_lock('a', 1)",
    "select release_lock('a')",
    'select sleep(1)',
    'select benchmark(1, 1)',
    'select rand()',
    'select uuid()',
    'select user()',
    'select database()',
    'select charge /* between */ (1)',
    'select charge -- between\n (1)',
    'select `lower`(1)',
    'select "charge"(1)',
    'select app . lower(1)',
    'select app.`lower`(1)',
    'select lower\u00a0(1)',
    'select ran\u212a(1)',
    'select 1 --\u00a0, charge(1)',
    'select next value for s',
    'select previous value for s',
    'select s.nextval',
    '/*! delete from t */',
    'select 1 /*!50000 , charge(1) */',
    'select 1 /*M! , charge(1) */',
    'select /*+ set_var(sql_mode = "") */ 1',
    "select 1 /*!99999 ' */ , charge(1) /* ' */",
    "select 'a\\'' , charge(1) -- '",
    'select * from t procedure analyse()',
    'select {fn charge(1)}',
    'select load_file("/etc/passwd")',
    'select master_gtid_wait("0-1-1")',
    'with x as (select 1) update t join x set a = 1',
    'with x as (select 1) delete from t',
    'replace into t values (1)',
    'do charge(1)',
    'handler t open',
    'values row(1)',
    'select * from performance_schema.threads',
    'select * from `mysql`.user',
    'select * from mysql . user',
    "load data infile 'x' into table t",
  ])('no read: %s', (sql) => {
    expect(mysql(sql, [])).toBe(false)
  })

  test('a value that writes SQL of its own makes a write', () => {
    expect(mysql('select ?', [{ toSqlString: () => 'charge(1)' }])).toBe(false)
    expect(mysql('select ?', [null, 1, new Date(0), { a: 1 }])).toBe(true)
  })
})

describe.each([
  ['PostgreSQL', postgres],
  ['MySQL and MariaDB', mysql],
])('%s, over generated statements', (_name, isRead) => {
  const column = fc.constantFrom('a', 't.b', "'x;for update'", '1', 'lower(a)', 'coalesce(a, 1)', '(a + 1)', 'count(*)')
  const read = fc.letrec<{ select: string; item: string; source: string }>((tie) => ({
    item: fc.oneof(
      { maxDepth: 3 },
      column,
      fc.tuple(tie('item'), tie('item')).map(([a, b]) => `concat(${a}, ${b})`),
      tie('select').map((s) => `(${s})`),
    ),
    source: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom('t', 'app.t'),
      tie('select').map((s) => `(${s}) x`),
    ),
    select: fc
      .record({
        items: fc.array(tie('item'), { minLength: 1, maxLength: 3 }),
        source: tie('source'),
        where: fc.option(tie('item')),
      })
      .map(
        ({ items, source, where }) =>
          `select ${items.join(', ')} from ${source}${where === null ? '' : ` where ${where} = 1`}`,
      ),
  })).select
  const evil = fc.constantFrom(
    'charge(1)',
    "nextval('s')",
    'app.lower(a)',
    '(select a from t for update)',
    'get_lock(1, 1)',
    'pg_advisory_lock(1)',
  )
  const gap = fc.constantFrom(' ', '\n', '/* x */', '-- x\n', '\t')

  test('a SELECT of harmless parts is a read, whatever stands between its words', () => {
    fc.assert(
      fc.property(read, gap, (sql, between) => {
        expect(isRead(sql.replaceAll(' from ', `${between} from `), [])).toBe(true)
      }),
    )
  })

  test('one part with an effect makes it a write, wherever it stands', () => {
    fc.assert(
      fc.property(read, evil, fc.nat(), (sql, part, at) => {
        const places = [...sql.matchAll(/\b(?<!')[at]\b(?![^']*update')|\b1\b/g)]
        fc.pre(places.length > 0)
        const { index } = places[at % places.length]!
        const changed = `${sql.slice(0, index)}${part}${sql.slice(index + 1)}`
        expect(isRead(changed, [])).toBe(false)
      }),
    )
  })

  test('a read with something behind a semicolon, or before it, is a write', () => {
    fc.assert(
      fc.property(read, fc.constantFrom('delete from t', 'select 1', 'x'), (sql, more) => {
        expect(isRead(`${sql}; ${more}`, [])).toBe(false)
        expect(isRead(`${more}; ${sql}`, [])).toBe(false)
      }),
    )
  })

  test('any text has an answer', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(typeof isRead(text, [])).toBe('boolean')
      }),
    )
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(typeof isRead(`select ${text}`, [])).toBe('boolean')
      }),
    )
    expect(isRead(`select ${'('.repeat(12_000)}1${')'.repeat(12_000)}`, [])).toBeTypeOf('boolean')
    expect(isRead('select 1', [])).toBe(true)
  })
})

test('answers are remembered for the texts used last, and for no more than are allowed', () => {
  const asked: string[] = []
  const test = remembering((text) => asked.push(text) > 0, 2)
  for (const text of ['a', 'b', 'a', 'c', 'a', 'b']) test(text)
  expect(asked).toEqual(['a', 'b', 'c', 'b'])
})
