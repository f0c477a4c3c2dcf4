import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { type Deployed, FUNCTIONS } from './deployed.ts';
import { atMost, exactly, measurement, type Results } from './measure.ts';

/**
 * Measures the size of each function's zipped asset, relative to the plain handler with the SDK bundled. Collect does
 * the same as that handler and also reads certificates; the other functions do less.
 */
export function measureBundles({ assets, plainWithSdk }: Deployed): Results {
  const reference = zippedBytes(plainWithSdk);
  return {
    figures: FUNCTIONS.map((name) =>
      atMost('count', `bundle-${name}`, 1, exactly(zippedBytes(assets[name]) / reference)),
    ),
    measured: [
      ...FUNCTIONS.map((name) =>
        measurement(`bundle of ${name}, zipped`, 'KB', exactly(zippedBytes(assets[name]) / 1000)),
      ),
      measurement('bundle of the plain handler with the SDK, zipped', 'KB', exactly(reference / 1000)),
    ],
  };
}

function zippedBytes(folder: string): number {
  const files = readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]);
  return zipSync(Object.fromEntries(files), { level: 9 }).length;
}
