/**
 * The reference for the cold start: what a user would write for the same check with the same two SDK clients and fetch.
 * The benchmark bundles it with CDK's NodejsFunction and its defaults.
 */
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

interface Check {
  readonly order: { readonly orderNumber: string };
}

const secrets = new SecretsManagerClient();
const s3 = new S3Client();

export async function handler({ order: { orderNumber } }: Check) {
  const secret = await secrets.send(new GetSecretValueCommand({ SecretId: process.env.CREDENTIALS_SECRET_ARN }));
  const { loginName, loginPassword } = JSON.parse(secret.SecretString ?? '');
  const response = await fetch(process.env.COLLECT_URL ?? '', {
    method: 'POST',
    body: new URLSearchParams({ loginName, loginPassword, orderNumber, responseType: '2', responseEncoding: '1' }),
  });
  const body = Buffer.from(await response.arrayBuffer());
  const status = /^[01]\b/.exec(body.toString('latin1', 0, 8))?.[0];
  console.log(JSON.stringify({ orderNumber, status, bytes: body.length }));
  if (status !== undefined) {
    return { outcome: 'waiting', status: Number(status) };
  }
  await s3.send(
    new PutObjectCommand({ Bucket: process.env.BUCKET_NAME, Key: `orders/${orderNumber}/response.p7b`, Body: body }),
  );
  return { outcome: 'issued' };
}
