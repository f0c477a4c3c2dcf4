import { Aws, Duration, Names, Stack } from 'aws-cdk-lib';
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
import { AaaaRecord, ARecord, RecordTarget } from 'aws-cdk-lib/aws-route53';
import { CloudFrontTarget } from 'aws-cdk-lib/aws-route53-targets';
import { Bucket, type IBucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { LOG_PREFIX } from '../functions/store/fetches.ts';
import { CACHE_SECONDS, PUBLISHED } from '../functions/store/publication.ts';
import { acknowledge, acknowledgeWildcard } from './acknowledge.ts';
import { bucketProblem, InvalidPropsError } from './collector-config.ts';
import { createFunction } from './functions.ts';
import type { PublishProps } from './props.ts';

/**
 * A browser shows a logo that is opened directly as a page. It must load nothing, run no script and appear in no frame;
 * only its inline styles are allowed.
 */
const CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";

/**
 * An order has at most 100 domains, each with about ten requests to S3. The timeout of the state is longer than this.
 */
export const PUBLISH_TIMEOUT = Duration.minutes(2);

/** How clients reach the published objects. */
export interface PublicationEndpoint {
  /** The URL of the folder, with which every published address begins. */
  readonly url: string;
  /** CloudFront's name of the distribution; the DNS of the own host name must point to it. */
  readonly domainName: string;
  /** The id of the distribution, with which CloudFront names its log files. */
  readonly distributionId: string;
}

/**
 * Serves the chains and logos in the bucket's folder `published/` to everybody, and no other object.
 *
 * @param logBucket where CloudFront logs every request; undefined: nowhere.
 * @throws {InvalidPropsError} if the policy of the bucket cannot allow it.
 */
export function createPublication(
  scope: Construct,
  bucket: IBucket,
  props: PublishProps,
  logBucket: IBucket | undefined,
): PublicationEndpoint {
  const distribution = createDistribution(scope, bucket, props, logBucket);
  // CDK's withOriginAccessControl would let CloudFront read the whole bucket. CloudFront may not list the bucket, so a
  // missing object and a forbidden one are both answered with 403, which CloudFront caches for 10 s.
  const { statementAdded } = bucket.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('cloudfront.amazonaws.com')],
      actions: ['s3:GetObject'],
      // Not the descriptions: they contain the order and earlier certificates, which are not public.
      resources: ['pem', 'svg'].map((extension) => bucket.arnForObjects(`${PUBLISHED}*.${extension}`)),
      conditions: sourceCondition(bucket, distribution),
    }),
  );
  if (!statementAdded) {
    throw new InvalidPropsError(scope.node.path, [bucketProblem(bucket)]);
  }
  createRecords(scope, distribution, props);
  const { distributionDomainName: domainName, distributionId } = distribution;
  return { url: `https://${props.domainName ?? domainName}`, domainName, distributionId };
}

/**
 * If another stack of the app creates the bucket, its policy cannot contain the distribution, because the two stacks would
 * depend on each other. The distributions of the account may then read the same objects, which are public anyway.
 */
function sourceCondition(bucket: IBucket, distribution: Distribution): Record<string, Record<string, string>> {
  const stack = Stack.of(distribution);
  if (Stack.of(bucket) === stack) {
    return { StringEquals: { 'AWS:SourceArn': distribution.distributionArn } };
  }
  const { partition, account } = Stack.of(bucket);
  return { ArnLike: { 'AWS:SourceArn': `arn:${partition}:cloudfront::${account}:distribution/*` } };
}

/** The records of the own host name, if its zone is given. */
function createRecords(
  scope: Construct,
  distribution: Distribution,
  { domainName, hostedZone: zone }: PublishProps,
): void {
  if (domainName !== undefined && zone) {
    // With a dot at its end, the name is complete: CDK does not compare it with the name of the zone.
    const record = {
      zone,
      recordName: `${domainName}.`,
      target: RecordTarget.fromAlias(new CloudFrontTarget(distribution)),
    };
    new ARecord(scope, 'PublicationAddress', record);
    new AaaaRecord(scope, 'PublicationAddressIpv6', record);
  }
}

function createDistribution(
  scope: Construct,
  bucket: IBucket,
  props: PublishProps,
  logBucket: IBucket | undefined,
): Distribution {
  const { domainName, certificate } = props;
  const ownName = domainName !== undefined && certificate !== undefined;
  const { originAccessControlId } = new S3OriginAccessControl(scope, 'PublicationAccess', {
    originAccessControlName: uniqueNameInAccount(scope),
  });
  const { bucketName, bucketRegionalDomainName } = bucket;
  const served = Bucket.fromBucketAttributes(scope, 'Served', { bucketName, bucketRegionalDomainName });
  const distribution = new Distribution(scope, 'Publication', {
    comment: 'Mark certificates and logos, to which BIMI records point',
    defaultBehavior: {
      origin: S3BucketOrigin.withBucketDefaults(served, { originPath: PUBLISHED, originAccessControlId }),
      // No redirect: BIMI requires HTTPS, and a client that uses http should see that the record is wrong.
      viewerProtocolPolicy: ViewerProtocolPolicy.HTTPS_ONLY,
      allowedMethods: AllowedMethods.ALLOW_GET_HEAD,
      // The objects have a few kilobytes: compression gains nothing, and would mislead a client that hashes the raw
      // body.
      compress: false,
      cachePolicy: createCachePolicy(scope),
      responseHeadersPolicy: createHeaders(scope),
    },
    httpVersion: HttpVersion.HTTP2_AND_3,
    ...(logBucket && { enableLogging: true, logBucket, logFilePrefix: LOG_PREFIX }),
    ...(ownName && {
      domainNames: [domainName],
      certificate,
      minimumProtocolVersion: SecurityPolicyProtocol.TLS_V1_2_2021,
    }),
  });
  acknowledgeFindings(distribution, { ownName, logs: logBucket !== undefined });
  return distribution;
}

/**
 * The Cache-Control of each object sets its TTL, at most that of the objects of this release: release 0.1.0 stored them
 * with half an hour. Headers, cookies and queries are not part of the cache key.
 */
function createCachePolicy(scope: Construct): CachePolicy {
  const longest = Duration.seconds(CACHE_SECONDS);
  return new CachePolicy(scope, 'PublicationCache', {
    cachePolicyName: uniqueNameInAccount(scope),
    minTtl: Duration.seconds(1),
    defaultTtl: longest,
    maxTtl: longest,
  });
}

/** Headers of every response, errors included. */
function createHeaders(scope: Construct): ResponseHeadersPolicy {
  return new ResponseHeadersPolicy(scope, 'PublicationHeaders', {
    responseHeadersPolicyName: uniqueNameInAccount(scope),
    securityHeadersBehavior: {
      // Not for subdomains: those of `publishDomainName` may be other services.
      strictTransportSecurity: { accessControlMaxAge: Duration.days(365), includeSubdomains: false, override: true },
      contentTypeOptions: { override: true },
      frameOptions: { frameOption: HeadersFrameOption.DENY, override: true },
      referrerPolicy: { referrerPolicy: HeadersReferrerPolicy.NO_REFERRER, override: true },
      contentSecurityPolicy: { contentSecurityPolicy: CONTENT_SECURITY_POLICY, override: true },
    },
    // Everybody may fetch the objects, so a checker in a browser may read them too, without cookies or a login.
    corsBehavior: {
      accessControlAllowOrigins: ['*'],
      accessControlAllowMethods: ['GET', 'HEAD'],
      accessControlAllowHeaders: ['*'],
      accessControlAllowCredentials: false,
      originOverride: true,
    },
  });
}

/** A name for CloudFront, unique in the account: without the region, the stack could be deployed to only one region. */
function uniqueNameInAccount(scope: Construct): string {
  return `${Names.uniqueResourceName(scope, { maxLength: 40 })}-${Aws.REGION}`;
}

function acknowledgeFindings(
  distribution: Distribution,
  { ownName, logs }: { readonly ownName: boolean; readonly logs: boolean },
): void {
  const reasons = {
    'AwsSolutions-CFR1': 'Mailbox providers fetch logos and certificates from all countries, so none is blocked.',
    'AwsSolutions-CFR2':
      'A firewall has nothing to protect in static files that are fetched with GET and HEAD without a query. If it blocked ' +
      'a mailbox provider, the logo would disappear from its mailboxes.',
    ...(!logs && {
      'AwsSolutions-CFR3':
        'Access logs contain IP addresses and cost money, so they need the setting publishLogs. Without it, the survey ' +
        'fetches every address once a day, and CloudFront counts requests and errors.',
    }),
    ...(!ownName && {
      'AwsSolutions-CFR4':
        "CloudFront's default certificate has a fixed list of protocols. With the setting publishDomainName, the " +
        'distribution requires TLS 1.2 or later.',
    }),
  };
  for (const [id, reason] of Object.entries(reasons)) {
    acknowledge(distribution, id, reason);
  }
}

/** The function of the state Publish: copies the chain and the logo of an order to the addresses of its domains. */
export function createPublish(
  scope: Construct,
  bucket: IBucket,
  publishedUrl: string,
  collector: string,
): LambdaFunction {
  const publish = createFunction(scope, 'PublishFunction', {
    folder: 'publish',
    description: 'Publishes the chain and the logo of an order at the addresses for BIMI records',
    timeout: PUBLISH_TIMEOUT,
    environment: { COLLECTOR: collector, BUCKET_NAME: bucket.bucketName, PUBLISHED_URL: publishedUrl },
  });
  const orders = bucket.arnForObjects('orders/*');
  publish.addToRolePolicy(
    new PolicyStatement({ actions: ['s3:GetObject', 's3:GetObjectVersion'], resources: [orders] }),
  );
  if (publish.role) {
    const reason = 'Reads the objects of any order; the number of an order is not known in advance.';
    acknowledgeWildcard(publish.role, orders, reason);
  }
  grantPublish(publish, bucket);
  return publish;
}

/**
 * Allows a function to write every published address. Each of the two writers completes what the other left unfinished,
 * so both have the same permissions: restore an earlier version, and delete chain and logo. Deletion is also allowed
 * while `unpublishRevoked` is off, because a run that was interrupted while it was on may have left a deletion
 * unfinished. No version can be deleted.
 */
export function grantPublish(writer: LambdaFunction, bucket: IBucket): void {
  const published = (names: string) => bucket.arnForObjects(`${PUBLISHED}${names}`);
  for (const [actions, names] of [
    [['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject'], '*'],
    [['s3:DeleteObject'], '*/*.pem'],
    [['s3:DeleteObject'], '*/*.svg'],
  ] as const) {
    writer.addToRolePolicy(new PolicyStatement({ actions: [...actions], resources: [published(names)] }));
    if (writer.role) {
      const reason = 'Every domain has its own folder here, and the domains are not known in advance.';
      acknowledgeWildcard(writer.role, published(names), reason);
    }
  }
  // Without them S3 answers 403 instead of 404 for an address where nothing is published yet, or for a missing version.
  writer.addToRolePolicy(
    new PolicyStatement({ actions: ['s3:ListBucket', 's3:ListBucketVersions'], resources: [bucket.bucketArn] }),
  );
}
