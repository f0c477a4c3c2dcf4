import { describe, expect } from 'vitest';
import { pem } from '../../../infra/local/ca/containers.ts';
import {
  bus,
  certificate,
  collect,
  collector,
  daysFromNow,
  endedOfDay,
  error,
  isIssuedEvent,
  issued,
  outcomeOf,
  pushLogin,
  table,
  testOrder,
  until,
  versionsOf,
} from '../suite.ts';

export function describePublications(): void {
  describe('a publication', () => {
    testOrder(
      'A renewal by another order replaces the published certificate; one of another owner does not.',
      async (order) => {
        const domain = `order-${order}.example.com`;
        const [renewal, strange] = [table.nextOrder(), table.nextOrder()];
        const detail = { domains: [domain] };
        const first = certificate({ domains: [domain], notBefore: daysFromNow(-300) });
        const ended = await collect(order, [issued(first)], detail);
        const fetchChain = async () => {
          const [chain, logo] = await Promise.all(
            ['pem', 'svg'].map((type) => collector.fetchPublished(`/${domain}/default.${type}`)),
          );
          expect([chain?.status, chain?.contentType]).toEqual([200, 'application/pem-certificate-chain']);
          expect([logo?.status, logo?.contentType]).toEqual([200, 'image/svg+xml']);
          return chain?.body.toString();
        };
        expect(await fetchChain()).toBe(pem(first.chain));
        const second = certificate({ domains: [domain] });
        await collect(renewal, [issued(second)], detail);
        expect(await fetchChain()).toBe(pem(second.chain));
        expect(await versionsOf(`published/${domain}/default.pem`)).toHaveLength(2);
        const foreign = collector.authority.issue({ domains: [domain], owner: 'Somebody Else Limited' });
        await collect(strange, [issued(foreign)], detail);
        expect(JSON.parse(await bus.find((message) => isIssuedEvent(message, strange)))).toMatchObject({
          detail: { publication: { published: [], notPublished: [{ domain, reason: 'other-owner' }] } },
        });
        expect(await fetchChain()).toBe(pem(second.chain));
        // Nothing else in the bucket is public, and nothing is listed.
        expect((await collector.fetchPublished(`/../orders/${order}/chain.pem`)).status).toBe(403);
        expect((await collector.fetchPublished(`/${domain}/default.json`)).status).toBe(403);
        expect((await collector.fetchPublished('/')).status).toBe(403);
        return outcomeOf(ended);
      },
    );

    testOrder('A revocation by the CA is recorded, and the certificate stays published.', async (order) => {
      const domain = `order-${order}.example.com`;
      await collect(order, [issued(certificate({ domains: [domain] }))], { domains: [domain] });
      collector.ca.order(order, [error(-21)]);
      await collector.announce({ orderNumber: order, request: 'again' });
      const ended = await collector.ended(`order-${order}-again`);
      expect(ended).toMatchObject({ status: 'FAILED', error: 'CertificateRevoked' });
      const description = `s3://${collector.outputs.BucketName}/published/${domain}/default.json`;
      const readDescription = () =>
        collector.aws('s3', 'cp', description, '-') as Promise<{
          readonly revokedAt: string | null;
          readonly served: boolean;
        }>;
      await until(async () => (await readDescription()).revokedAt !== null);
      expect((await readDescription()).served).toBe(true);
      expect((await collector.fetchPublished(`/${domain}/default.pem`)).status).toBe(200);
      return outcomeOf(ended);
    });
  });
}

export function describePushes(): void {
  describe('a push of the CA', () => {
    for (const method of ['GET', 'POST'] as const) {
      testOrder(`A push by ${method} starts one execution, and only with the right login.`, async (order) => {
        collector.ca.order(order, [issued(certificate())]);
        const fields = {
          orderNumber: order,
          certificateID: '7',
          eventType: 'certificate',
          status: 'issued',
          statusCode: '6',
        };
        const login = await pushLogin();
        expect(await collector.push({ method, fields })).toBe(401);
        expect(await collector.push({ method, fields, login: 'ca:wrong' })).toBe(401);
        expect(await collector.executions(`order-${order}`)).toEqual([]);
        expect(await collector.push({ method, fields, login })).toBe(200);
        expect(await collector.push({ method, fields: { ...fields, statusCode: '12' }, login })).toBe(200);
        const ended = await endedOfDay(`order-${order}-push-`);
        expect(await collector.executions(`order-${order}`)).toHaveLength(1);
        return outcomeOf(ended);
      });
    }
  });
}
