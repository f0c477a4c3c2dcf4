import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { createCertificateAuthority } from '../ca/certificate-authority.ts';
import { type Credentials, startCollectMcSimulator } from '../ca/collectmc-simulator.ts';
import { SCENARIOS } from '../scenarios.ts';
import { startEmulator } from './emulator.ts';

/** What `local:up` is told when everything answers. */
export interface Served {
  readonly url: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly collectUrl: string;
  /** SHA-256 of the root that the simulated CA issues under. */
  readonly trustAnchor: string;
  readonly credentials: Credentials;
  /** What the simulated CA knows. */
  readonly orders: readonly { readonly orderNumber: string; readonly description: string }[];
}

/** The first order number; the scenarios count on from here. */
const FIRST_ORDER = 1_000_000_001;

/** Emulator and CA in one process that stays behind `local:up`, until `local:down` ends it. */
async function serve(directory: string): Promise<void> {
  // From the beginning: whoever started this may go before saying that all is well. The emulator ends with this process.
  const stop = () => process.exit();
  process.once('SIGTERM', stop).once('disconnect', stop);
  process.once('message', () => {
    process.off('disconnect', stop);
    process.disconnect();
  });
  const authority = await createCertificateAuthority({ directory: join(directory, '..', 'ca') });
  const certificate = authority.issue({ domains: ['example.com'] });
  const anHourAgo = new Date(Math.floor(Date.now() / 1000 - 3600) * 1000);
  const earlier = authority.issue({ domains: ['example.com'], notBefore: anHourAgo });
  const credentials = { loginName: 'brand@example.com', loginPassword: crypto.randomUUID() };
  const ca = await startCollectMcSimulator({ credentials });
  // Without those that need other settings, or somebody who acts at the right moment.
  const playable = Object.values(SCENARIOS).filter(({ operator, settings }) => !operator && !settings);
  const orders = playable.map(({ description, answers }, index) => {
    const orderNumber = String(FIRST_ORDER + index);
    ca.order(orderNumber, answers(certificate, earlier));
    return { orderNumber, description };
  });
  const emulator = await startEmulator({ logFile: join(directory, 'emulator.log'), waitScale: 1 });
  const served: Served = {
    url: emulator.url,
    environment: emulator.environment,
    collectUrl: ca.url,
    trustAnchor: createHash('sha256').update(authority.root).digest('hex'),
    credentials,
    orders,
  };
  process.send?.(served);
}

const [directory] = process.argv.slice(2);
if (directory === undefined) {
  throw new RangeError('The directory of local:up is expected');
}
await serve(directory);
