import { startFauxqs } from 'fauxqs';
import { describe } from 'vitest';
import { startS3Server } from '../../s3-server.ts';
import { testArchive } from './archive-suite.ts';

describe.each([
  ['S3', () => startS3Server()],
  ['a server without checksums', () => startS3Server({ checksums: false })],
  ['a server without versions and checksums', () => startS3Server({ versions: false, checksums: false })],
  [
    'fauxqs, which ignores conditions',
    async () => {
      const fauxqs = await startFauxqs({ port: 0, host: '127.0.0.1', logger: false });
      return { url: `http://127.0.0.1:${fauxqs.port}`, close: () => fauxqs.stop() };
    },
  ],
])('On %s', (_, start) => {
  testArchive(start);
});
