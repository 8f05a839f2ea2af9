/** Words of the generated data, among them what breaks careless code. No NUL: no text type of PostgreSQL holds it. */

/** Names of people: umlauts, quotes, backslashes, right-to-left, emoji, composed and decomposed letters. */
export const PEOPLE = [
  'Jürgen Groß',
  'Anna Müller',
  'Zoë Çelik',
  'Łukasz Wiśniewski',
  'Åse Ødegård',
  "Siobhán O'Brien",
  'Robert "Bob" Weiß',
  'محمد الأحمد',
  'שרה לוי',
  '田中 太郎',
  'Dr. Müller 👩🏽‍⚕️',
  'Anna\\Maria Schmidt',
  'Am\u00e9lie Laurent',
  'Ame\u0301lie Laurent',
  "Robert'); DROP TABLE customers;--",
  'NULL',
  'Thomas Krüger',
  'Katharina Schäfer',
  'Mehmet Öztürk',
  'Nguyễn Thị Minh',
  'Иван Петров',
  'Trailing Blank ',
  '🙂',
  'Straße & Söhne <b>',
] as const

export const COMPANIES = [
  'Salon Schönhaar',
  'Zahnarztpraxis Dr. Weiß',
  'Physio am Königsplatz',
  'Tierärzte Groß & Klein',
  'AskProAI Demo',
  'Barbier "Zum Löwen"',
  'Kosmetik Élégance',
  "L'Atelier d'Anaïs",
] as const

export const CITIES = [
  'München',
  'Köln',
  'Düsseldorf',
  'Berlin',
  'Zürich',
  'Łódź',
  'Saarbrücken',
  'Österreich\\Wien',
] as const

export const SERVICES = [
  'Haarschnitt',
  'Färben & Strähnen',
  'Prophylaxe',
  'Erstgespräch',
  'Massage 60′',
  'Impfung',
  'Bart "Royal"',
] as const

/** Free text. Empty strings stand beside NULLs; one is nothing but a blank. */
export const SENTENCES = [
  '',
  ' ',
  'Kunde möchte einen späteren Termin.',
  'Rückruf erbeten – Durchwahl 17, "dringend"',
  "It's 5 o'clock; that's fine.",
  'Zeile eins\nZeile zwei\r\nZeile drei\tmit Tabulator',
  'C:\\temp\\neu\\x.txt und \\N und \\. und \\0',
  'العميل يريد موعدًا غدًا',
  'הלקוח ביקש תזכורת',
  'مختلط mixed עברית text',
  'Danke! 🎉👍🏽 Bis bald 👨‍👩‍👧‍👦',
  '100 % zufrieden; 5 > 3 & 2 < 4',
  '{"sieht": "aus wie JSON", "ist": "Text"}',
  '{kein JSON',
  '[1,2,',
  '-- Kommentar\n/* noch einer */ ; SELECT 1',
  '${nichts} {{ersetzen}} %s %d $1 ? :name',
  'e\u0301 und \u00e9 sind verschieden geschrieben',
  '\u202Eumgedreht\u202C und\u200Bunsichtbar',
  'Langer Text ohne Besonderheiten, wie er in den meisten Zeilen steht, damit die Tabellen ihre übliche Breite haben.',
  'Termin bestätigt',
  'Termin verschoben',
  'nicht erreicht',
  'OK',
] as const

export const USER_AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36',
  'Retell-Webhook/1.0',
  'Cal.com/2.0 (+https://cal.com)',
  'curl/8.5.0',
  '',
] as const

/** Each with a number that is equal to another's but written otherwise, or in another order. */
const JSON_TEXTS = [
  '{}',
  '[]',
  '{"a": 1, "b": 2}',
  '{"b": 2, "a": 1}',
  '{"a":1.0,"b":2.00}',
  '{"amount": 1e2}',
  '{"amount": 100}',
  '{"amount": 100.00}',
  '[1, 1.0, 1.00]',
  '{"big": 9007199254740993, "bigger": 9223372036854775807}',
  '{"small": 0.1, "exact": 0.30000000000000004, "negative": -0.5}',
  '{"text": "umlaut ä", "escaped": "umlaut \\u00e4"}',
  '{"emoji": "\\ud83d\\ude00", "raw": "😀"}',
  '{"quote": "er sagte \\"ja\\"", "backslash": "C:\\\\temp", "newline": "a\\nb", "slash": "a\\/b"}',
  '{"rtl": "مرحبا بالعالم", "hebrew": "שלום"}',
  '{"nested": {"list": [{"x": {"y": [1, [2, [3, [4]]]]}}], "empty": {}, "none": null}}',
  '{"nested":{"none":null,"empty":{},"list":[{"x":{"y":[1,[2,[3,[4]]]]}}]}}',
  '{ "spaced" :  [ true , false , null ] }',
  '{"": "empty name", " ": "blank name", "a.b": 1, "a b": 2, "$x": 3, "a\\"b": 4}',
  '{"mo": {"open": "09:00", "close": "18:00"}, "so": null}',
  '["de", "en", "tr"]',
  '"just a text"',
  '42',
  '1.10',
  'true',
  '{"sentiment": "positive", "score": 0.75, "topics": ["termin", "preis"]}',
  '{"sentiment":"positive","score":0.750,"topics":["termin","preis"]}',
] as const

/** Documents of ordinary size, as webhooks and API calls carry them. */
function ordinaryDocument(index: number): string {
  return JSON.stringify({
    event: index % 2 === 0 ? 'call_ended' : 'BOOKING_CREATED',
    data: {
      id: `evt_${index}`,
      attendee: { name: PEOPLE[index % PEOPLE.length], locale: 'de-DE' },
      minutes: index % 90,
      price: (index * 7) % 1000,
      remarks: SENTENCES[index % SENTENCES.length],
      steps: Array.from({ length: 1 + (index % 4) }, (_, step) => ({
        step,
        at: 1_735_689_600 + index * 60 + step,
        ok: step !== 2,
      })),
    },
  })
}

export const JSONS: readonly string[] = [
  ...JSON_TEXTS,
  ...Array.from({ length: 48 }, (_, index) => ordinaryDocument(index)),
]

/** The entries that fit a column of so many characters. Characters are code points, as both engines count them. */
export function fitting(list: readonly string[], length: number): readonly string[] {
  const result = list.filter((text) => [...text].length <= length)
  return result.length > 0 ? result : ['x'.slice(0, length)]
}
