import { expect, test } from 'vitest';
import { csvFile, describeCsv } from '../../../functions/pages/csv.ts';

test.each([
  ['=HYPERLINK("http://evil.example")', '"\'=HYPERLINK(""http://evil.example"")"'],
  ['+1', "'+1"],
  ['-1', "'-1"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['  =1+1', "'=1+1"],
  ['\t=1+1', '\\u{9}=1+1'],
  ['\r=1+1', '\\u{D}=1+1'],
  ['\n=1+1', '\\u{A}=1+1'],
  ['\u{A0}=1+1', "'=1+1"],
  ['＝1+1', "'＝1+1"],
  ['＋1', "'＋1"],
  ['－1', "'－1"],
  ['＠SUM(A1)', "'＠SUM(A1)"],
  ['"=1+1', '"""\'=1+1"'],
  ['" =1+1', '""" \'=1+1"'],
  ['a;=1+1', "a;'=1+1"],
  ['a,=1+1', '"a,\'=1+1"'],
  ['\u{200B}=1', '\\u{200B}=1'],
  ['Müller & Söhne', 'Müller & Söhne'],
  ['1-2', '1-2'],
])('No cell runs as a formula: %j is written as %j.', (text, written) => {
  expect(describeCsv(['head'], [[text]])).toBe(`head\n${written}`);
});

test('A number stays a number, also if it is negative, and a missing value is an empty cell.', () => {
  expect(describeCsv(['a', 'b', 'c', 'd'], [[-3, true, null, undefined]])).toBe('a,b,c,d\n-3,true,,');
});

test('A file for a spreadsheet begins with a byte-order mark, and each line ends as RFC 4180 says.', () => {
  expect([...csvFile(['a', 'b'], [['x', 'y "z"']], (row) => row)].join('')).toBe('\u{FEFF}a,b\r\nx,"y ""z"""\r\n');
});
