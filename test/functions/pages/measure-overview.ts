/** Prints what the overview of many orders needs, a line of JSON for each mix: the number of orders and mixes are the arguments. */
import { renderOverview } from '../../../functions/pages/overview.ts';
import { AT, type Mix, manyOrders } from './many-orders.ts';

const [, , count = '10000', ...mixes] = process.argv;

/** As large as all logos of an overview together may be. */
const LOGO = Buffer.alloc(2_000, '<svg/>');
const LOGOS = 128;

for (const mix of mixes.length > 0 ? mixes : ['usual']) {
  console.log(JSON.stringify(measure(mix as Mix)));
}

function measure(mix: Mix) {
  const start = performance.now();
  const orders = manyOrders(Number(count), mix);
  const logos = new Map(orders.slice(0, LOGOS).map(({ orderNumber }) => [orderNumber, LOGO]));
  let pageBytes = 0;
  let largestPage = 0;
  const options = { collector: 'acme', bucket: 'certificates', writtenBy: 'the survey', endingSoonDays: 30 };
  for (const { name, bytes } of renderOverview(orders, { ...options, writtenAt: AT, logos })) {
    const size = bytes().length;
    if (name.endsWith('.html')) {
      pageBytes += size;
      largestPage = Math.max(largestPage, size);
    }
  }
  const milliseconds = Math.round(performance.now() - start);
  return { mix, pageBytes, largestPage, milliseconds, maxRss: process.resourceUsage().maxRSS * 1024 };
}
