import { Aws, Duration, Names, Validations } from 'aws-cdk-lib';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import {
  AllowedMethods,
  CachePolicy,
  Distribution,
  HeadersFrameOption,
  HeadersReferrerPolicy,
  HttpVersion,
  ResponseHeadersPolicy,
  S3OriginAccessControl,
  SecurityPolicyProtocol,
  ViewerProtocolPolicy,
} from 'aws-cdk-lib/aws-cloudfront';
import { S3BucketOrigin } from 'aws-cdk-lib/aws-cloudfront-origins';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { PUBLISHED } from '../functions/store/publication.ts';
import { acknowledgeWildcard } from './acknowledge.ts';
import { createFunction } from './functions.ts';
import type { Settings } from './settings.ts';

/**
 * A logo opened by itself is a page of its own: whatever it holds loads nothing, runs nothing and is framed nowhere. Logos
 * style themselves inside, which is all that they may.
 */
const CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";

/** An order has 100 domains at the most, each of some ten requests to S3. The state that invokes the function waits for longer. */
export const PUBLISH_TIMEOUT = Duration.minutes(2);

/** The settings that say where. */
type Address = Pick<Settings, 'publishDomainName' | 'publishCertificateArn'>;

export interface PublicationEndpoint {
  /** The URL of the folder: what published addresses begin with. */
  readonly url: string;
  /** CloudFront's own name of it, to which a host name of one's own has to point. */
  readonly domainName: string;
}

/** Serves the chains and logos of the bucket's folder `published/`, and nothing else of it, to everybody. */
export function createPublication(scope: Construct, bucket: Bucket, address: Address): PublicationEndpoint {
  const { publishDomainName } = address;
  const distribution = createDistribution(scope, bucket, address);
  // CDK's withOriginAccessControl would let CloudFront read the whole bucket. Nothing here may list it, so that what is
  // not there is answered with 403 like everything that nobody shall know of; CloudFront remembers that for 10 s.
  bucket.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('cloudfront.amazonaws.com')],
      actions: ['s3:GetObject'],
      // Not the descriptions: whose order it was, and what came before, is nobody's business.
      resources: ['pem', 'svg'].map((extension) => bucket.arnForObjects(`${PUBLISHED}*.${extension}`)),
      conditions: { StringEquals: { 'AWS:SourceArn': distribution.distributionArn } },
    }),
  );
  const domainName = distribution.distributionDomainName;
  return { url: `https://${publishDomainName ?? domainName}`, domainName };
}

function createDistribution(scope: Construct, bucket: Bucket, address: Address): Distribution {
  const { publishDomainName, publishCertificateArn } = address;
  const ownName = publishDomainName !== undefined && publishCertificateArn !== undefined;
  const { originAccessControlId } = new S3OriginAccessControl(scope, 'PublicationAccess', {
    originAccessControlName: nameInAccount(scope),
  });
  const { bucketName, bucketRegionalDomainName } = bucket;
  const served = Bucket.fromBucketAttributes(scope, 'Served', { bucketName, bucketRegionalDomainName });
  const distribution = new Distribution(scope, 'Publication', {
    comment: 'Mark certificates and logos, to which BIMI records point',
    defaultBehavior: {
      origin: S3BucketOrigin.withBucketDefaults(served, { originPath: PUBLISHED, originAccessControlId }),
      // No redirect: BIMI wants HTTPS, and who comes without it is to see that the record is wrong.
      viewerProtocolPolicy: ViewerProtocolPolicy.HTTPS_ONLY,
      allowedMethods: AllowedMethods.ALLOW_GET_HEAD,
      // Some kilobytes: nothing is gained, and a reader that hashes what it got without decoding it is not misled.
      compress: false,
      // How long to keep an object, the object itself says. Neither headers nor cookies nor a query make it another one.
      cachePolicy: CachePolicy.CACHING_OPTIMIZED_FOR_UNCOMPRESSED_OBJECTS,
      responseHeadersPolicy: createHeaders(scope),
    },
    httpVersion: HttpVersion.HTTP2_AND_3,
    ...(ownName && {
      domainNames: [publishDomainName],
      certificate: Certificate.fromCertificateArn(scope, 'PublicationCertificate', publishCertificateArn),
      minimumProtocolVersion: SecurityPolicyProtocol.TLS_V1_2_2021,
    }),
  });
  acknowledge(distribution, ownName);
  return distribution;
}

/** Beside every object, and beside the errors too. */
function createHeaders(scope: Construct): ResponseHeadersPolicy {
  return new ResponseHeadersPolicy(scope, 'PublicationHeaders', {
    responseHeadersPolicyName: nameInAccount(scope),
    securityHeadersBehavior: {
      // Not for names below: of a host name of one's own they belong to somebody else.
      strictTransportSecurity: { accessControlMaxAge: Duration.days(365), includeSubdomains: false, override: true },
      contentTypeOptions: { override: true },
      frameOptions: { frameOption: HeadersFrameOption.DENY, override: true },
      referrerPolicy: { referrerPolicy: HeadersReferrerPolicy.NO_REFERRER, override: true },
      contentSecurityPolicy: { contentSecurityPolicy: CONTENT_SECURITY_POLICY, override: true },
    },
    // What everybody may fetch, a checker that runs in a browser may read too; no cookie or login goes with it.
    corsBehavior: {
      accessControlAllowOrigins: ['*'],
      accessControlAllowMethods: ['GET', 'HEAD'],
      accessControlAllowHeaders: ['*'],
      accessControlAllowCredentials: false,
      originOverride: true,
    },
  });
}

/** CloudFront's names are those of the account: without the region, the stack could be deployed in one region only. */
function nameInAccount(scope: Construct): string {
  return `${Names.uniqueResourceName(scope, { maxLength: 40 })}-${Aws.REGION}`;
}

function acknowledge(distribution: Distribution, ownName: boolean): void {
  const reasons = {
    'AwsSolutions-CFR1':
      'Mailbox providers fetch logos and certificates from wherever they are: no country is left out.',
    'AwsSolutions-CFR2':
      'Static files, fetched with GET and HEAD and without a query, have nothing that a firewall could protect; one that ' +
      "turned a mailbox provider's fetcher away would take the logo out of its mailboxes.",
    'AwsSolutions-CFR3':
      'Who fetches what everybody may fetch tells nothing, and a bucket of logs would need an owner; the survey fetches ' +
      'every address once a day, and CloudFront counts requests and errors by itself.',
    ...(!ownName && {
      'AwsSolutions-CFR4':
        "CloudFront's own certificate comes with its own list of protocols, which nobody can shorten. With a host name of " +
        'its own (publishDomainName) the distribution takes TLS 1.2 at least.',
    }),
  };
  for (const [id, reason] of Object.entries(reasons)) {
    Validations.of(distribution).acknowledge({ id, reason });
  }
}

/** The function behind the state Publish: writes what an order brought to the addresses of its domains. */
export function createPublish(scope: Construct, bucket: Bucket, publishedUrl: string): LambdaFunction {
  const publish = createFunction(scope, 'PublishFunction', {
    folder: 'publish',
    description: 'Puts the chain and the logo of an order where BIMI records point',
    timeout: PUBLISH_TIMEOUT,
    environment: { BUCKET_NAME: bucket.bucketName, PUBLISHED_URL: publishedUrl },
  });
  const orders = bucket.arnForObjects('orders/*');
  publish.addToRolePolicy(
    new PolicyStatement({ actions: ['s3:GetObject', 's3:GetObjectVersion'], resources: [orders] }),
  );
  if (publish.role) {
    const reason = 'Reads what an order brought, whatever its number, and writes nothing there.';
    acknowledgeWildcard(publish.role, orders, reason);
  }
  grantPublish(publish, bucket);
  return publish;
}

/**
 * Lets a function at every published address. Whoever writes there puts right what another writer left, so both writers
 * may do the same: put back an earlier version, and take down. Taking down is allowed also while `unpublishRevoked` is off:
 * a description written while it was on may want chain and logo gone that a run which died has left. No version can be
 * deleted.
 */
export function grantPublish(writer: LambdaFunction, bucket: Bucket): void {
  const published = (names: string) => bucket.arnForObjects(`${PUBLISHED}${names}`);
  for (const [actions, names] of [
    [['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject'], '*'],
    [['s3:DeleteObject'], '*/*.pem'],
    [['s3:DeleteObject'], '*/*.svg'],
  ] as const) {
    writer.addToRolePolicy(new PolicyStatement({ actions: [...actions], resources: [published(names)] }));
    if (writer.role) {
      const reason = 'Every domain has a folder of its own here; nothing else of the bucket is written to.';
      acknowledgeWildcard(writer.role, published(names), reason);
    }
  }
  // Without it S3 answers 403 instead of 404 for an address that is still free.
  writer.addToRolePolicy(new PolicyStatement({ actions: ['s3:ListBucket'], resources: [bucket.bucketArn] }));
}
