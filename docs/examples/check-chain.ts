// Checks a chain in a file, in any container format, without AWS and without the network:
// node check-chain.ts chain.pem example.com
import { readFile } from 'node:fs/promises';
import { InvalidChainError, readMarkCertificate } from 'mark-certificate-collector/certificate';

async function check(file: string, domains: readonly string[]): Promise<number> {
  try {
    const { report, logo } = await readMarkCertificate(await readFile(file), { at: new Date(), domains });
    console.log(
      `${report.domains.join(', ')}: valid until ${report.notAfter}, with a logo of ${logo?.length ?? 0} bytes`,
    );
    for (const { severity, message } of report.findings) {
      console.log(`${severity}: ${message}`);
    }
    return report.publishable ? 0 : 1;
  } catch (error) {
    if (!(error instanceof InvalidChainError)) {
      throw error;
    }
    console.error(error.message);
    return 2;
  }
}

const [file = 'chain.pem', ...domains] = process.argv.slice(2);
check(file, domains).then((exitCode) => {
  process.exitCode = exitCode;
});
