/** Log files as CloudFront writes them. */
import { gzipSync } from 'node:zlib';

/** The fields of standard logging, in their order (AWS: CloudFront, Standard logging reference). */
export const HEADER =
  '#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) ' +
  'cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken ' +
  'x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields ' +
  'c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end';

export const GMAIL = 'Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)';

export interface LoggedRequest {
  readonly date?: string;
  readonly time?: string;
  readonly address?: string;
  readonly method?: string;
  readonly path?: string;
  readonly status?: string;
  readonly agent?: string;
}

export function logLine({
  date = '2026-11-23',
  time = '08:15:00',
  address = '192.0.2.1',
  method = 'GET',
  path = '/example.com/default.pem',
  status = '200',
  agent = 'curl/8.5',
}: LoggedRequest): string {
  const first = [date, time, 'FRA56-P3', '2390', address, method, 'd111.cloudfront.net', path, status, '-'];
  const last = [
    '-',
    '-',
    'Hit',
    'id==',
    'd111.cloudfront.net',
    'https',
    '23',
    '0.001',
    '-',
    'TLSv1.3',
    'cipher',
    'Hit',
  ];
  const rest = ['HTTP/2.0', '-', '-', '11040', '0.001', 'Hit', 'application/pem-certificate-chain', '2000', '-', '-'];
  return [...first, agent.replaceAll(' ', '%20'), ...last, ...rest].join('\t');
}

export function accessLog(lines: readonly string[]): Buffer {
  return gzipSync([HEADER, ...lines, ''].join('\n'));
}
