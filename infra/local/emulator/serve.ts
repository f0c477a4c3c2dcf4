import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { createCertificateAuthority } from '../ca/certificate-authority.ts';
import { type Credentials, startCollectMcSimulator } from '../ca/collectmc-simulator.ts';
import { serveCrls } from '../cloud/crl-server.ts';
import { issueScenarioCertificates, SCENARIOS } from '../scenarios.ts';
import { startEmulator } from './emulator.ts';

/** What this process sends to its parent when the emulator and the CA accept requests. */
export interface StartedServers {
  readonly url: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly certificateFile: string;
  readonly collectUrl: string;
  /** SHA-256 of the simulated CA's root. */
  readonly trustAnchor: string;
  /** The key of the CA's log, base64. */
  readonly ctLog: string;
  readonly credentials: Credentials;
  /** The orders that the simulated CA knows. */
  readonly orders: readonly { readonly orderNumber: string; readonly description: string }[];
}

/** The order number of the first scenario. The others follow without a gap. */
const FIRST_ORDER = 1_000_000_001;

/** Runs the emulator and the simulated CA in this process, which outlives `local:up` until `local:down` stops it. */
async function serve(directory: string): Promise<void> {
  // Until the parent confirms the start with a message, this process ends with it. The emulator always ends with this
  // process.
  const stop = () => process.exit();
  process.once('SIGTERM', stop).once('disconnect', stop);
  process.once('message', () => {
    process.off('disconnect', stop);
    process.disconnect();
  });
  const stored = await createCertificateAuthority({ directory: join(directory, '..', 'ca') });
  const crls = await serveCrls(() => authority.crls());
  const authority = stored.with({ crlServer: crls.url });
  const certificates = issueScenarioCertificates(authority);
  const credentials = { loginName: 'brand@example.com', loginPassword: crypto.randomUUID() };
  const ca = await startCollectMcSimulator({ credentials });
  // Only scenarios that need neither other settings nor an operator who acts between two checks. The emulator has no redrive.
  const unattended = Object.values(SCENARIOS).filter(
    ({ operatorActions, settings, followUp }) => !operatorActions && !settings && followUp !== 'redrive',
  );
  const orders = unattended.map(({ description, responses }, index) => {
    const orderNumber = String(FIRST_ORDER + index);
    ca.order(orderNumber, responses(certificates));
    return { orderNumber, description };
  });
  const emulator = await startEmulator({ logFile: join(directory, 'emulator.log'), waitScale: 1 });
  const started: StartedServers = {
    url: emulator.url,
    environment: emulator.environment,
    certificateFile: emulator.certificateFile,
    collectUrl: ca.url,
    trustAnchor: createHash('sha256').update(authority.root).digest('hex'),
    ctLog: authority.log.key,
    credentials,
    orders,
  };
  process.send?.(started);
}

const [directory] = process.argv.slice(2);
if (directory === undefined) {
  throw new RangeError('the argument DIRECTORY is missing');
}
await serve(directory);
