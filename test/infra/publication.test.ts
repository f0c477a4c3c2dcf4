import { describe, expect, test } from 'vitest';
import { PUBLICATION_BROKEN } from '../../functions/events.ts';
import { CERTIFICATE_ARN, DAY, nameOf, only, SETTINGS, type SynthesizedStack, synthesize } from './synthesized.ts';

const byDefault = synthesize();
// Without the name: ids in the template contain the name of the stack.
const { name: _, ...UNNAMED } = SETTINGS;
const withSettings = synthesize(UNNAMED);
const publishing = synthesize({ publish: 'true' });

describe('the distribution of publications', () => {
  const { DistributionConfig } = only(publishing, 'AWS::CloudFront::Distribution').Properties;
  const distribution = DistributionConfig as Readonly<Record<string, unknown>>;

  test('The only origin is the folder published/ of the bucket, with signed requests.', () => {
    expect(distribution.Origins).toEqual([
      {
        Id: expect.any(String),
        DomainName: '<Bucket.RegionalDomainName>',
        OriginPath: '/published',
        OriginAccessControlId: '<PublicationAccess.Id>',
        S3OriginConfig: { OriginAccessIdentity: '' },
      },
    ]);
    expect(only(publishing, 'AWS::CloudFront::OriginAccessControl').Properties).toEqual({
      OriginAccessControlConfig: {
        Name: expect.stringMatching(/^.{1,40}-<AWS::Region>$/),
        OriginAccessControlOriginType: 's3',
        SigningBehavior: 'always',
        SigningProtocol: 'sigv4',
      },
    });
    expect(distribution).not.toHaveProperty('CacheBehaviors');
  });

  test('Objects are served over HTTPS without a redirect, for GET and HEAD, unchanged, and cached for their own TTL.', () => {
    expect(distribution.DefaultCacheBehavior).toEqual({
      TargetOriginId: expect.any(String),
      ViewerProtocolPolicy: 'https-only',
      AllowedMethods: ['GET', 'HEAD'],
      Compress: false,
      CachePolicyId: '<PublicationCache>',
      ResponseHeadersPolicyId: '<PublicationHeaders>',
    });
    expect(distribution).not.toHaveProperty('CustomErrorResponses');
    expect(distribution).not.toHaveProperty('DefaultRootObject');
  });

  test('CloudFront keeps an object for 30 seconds at most, whatever its headers are, and has one of it for all requests.', () => {
    const none = (kind: string) => ({ [`${kind}Behavior`]: 'none' });
    expect(only(publishing, 'AWS::CloudFront::CachePolicy').Properties).toEqual({
      CachePolicyConfig: {
        Name: expect.stringMatching(/^.{1,40}-<AWS::Region>$/),
        MinTTL: 1,
        DefaultTTL: 30,
        MaxTTL: 30,
        ParametersInCacheKeyAndForwardedToOrigin: {
          EnableAcceptEncodingBrotli: false,
          EnableAcceptEncodingGzip: false,
          CookiesConfig: none('Cookie'),
          HeadersConfig: none('Header'),
          QueryStringsConfig: none('QueryString'),
        },
      },
    });
  });

  test('Objects are served over HTTP/2, HTTP/3 and IPv6 to every country.', () => {
    expect(distribution).toMatchObject({ Enabled: true, HttpVersion: 'http2and3', IPV6Enabled: true });
    expect(distribution).not.toHaveProperty('Restrictions');
    expect(distribution).not.toHaveProperty('PriceClass');
  });

  test('The host name is that of CloudFront, or of the settings with at least TLS 1.2.', () => {
    expect(distribution).not.toHaveProperty('Aliases');
    expect(distribution).not.toHaveProperty('ViewerCertificate');
    expect(only(withSettings, 'AWS::CloudFront::Distribution').Properties.DistributionConfig).toEqual({
      ...distribution,
      Logging: { Bucket: '<PublicationLogs.RegionalDomainName>', Prefix: 'cloudfront/' },
      Aliases: ['bimi.example.com'],
      ViewerCertificate: {
        AcmCertificateArn: CERTIFICATE_ARN,
        MinimumProtocolVersion: 'TLSv1.2_2021',
        SslSupportMethod: 'sni-only',
      },
    });
  });

  test('The headers forbid a logo to load or run anything, and allow every origin to read it.', () => {
    expect(only(publishing, 'AWS::CloudFront::ResponseHeadersPolicy').Properties).toEqual({
      ResponseHeadersPolicyConfig: {
        Name: expect.stringMatching(/^.{1,40}-<AWS::Region>$/),
        SecurityHeadersConfig: {
          ContentSecurityPolicy: {
            ContentSecurityPolicy: "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox",
            Override: true,
          },
          ContentTypeOptions: { Override: true },
          FrameOptions: { FrameOption: 'DENY', Override: true },
          ReferrerPolicy: { ReferrerPolicy: 'no-referrer', Override: true },
          StrictTransportSecurity: { AccessControlMaxAgeSec: 365 * DAY, IncludeSubdomains: false, Override: true },
        },
        CorsConfig: {
          AccessControlAllowOrigins: { Items: ['*'] },
          AccessControlAllowMethods: { Items: ['GET', 'HEAD'] },
          AccessControlAllowHeaders: { Items: ['*'] },
          AccessControlAllowCredentials: false,
          OriginOverride: true,
        },
      },
    });
  });

  test('With publishLogs, CloudFront logs to a private bucket that allows its ACL and keeps the logs for 30 days.', () => {
    const logging = synthesize({ publish: 'true', publishLogs: 'true' });
    expect(only(logging, 'AWS::S3::Bucket', 'PublicationLogs').Properties).toMatchObject({
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerPreferred' }] },
      LifecycleConfiguration: { Rules: [{ Status: 'Enabled', ExpirationInDays: 30 }] },
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
    });
    expect(distribution).not.toHaveProperty('Logging');
  });

  test('Without publish, the template contains nothing of publishing.', () => {
    // The event about a broken publication exists in every stack: the survey also sends it for watched domains.
    const resources = JSON.stringify(byDefault.resolved.Resources).replaceAll(PUBLICATION_BROKEN, '');
    expect(resources.match(/.{0,40}(?:cloudfront|published|publication).{0,40}/gi) ?? []).toEqual([]);
    expect(Object.keys(byDefault.resolved.Outputs).filter((name) => /publish|distribution/i.test(name))).toEqual([]);
    expect(Object.keys(byDefault.resolved.Resources).filter((id) => /publi(sh|cation)|revoke/i.test(id))).toEqual([]);
    expect(synthesize({ publish: 'false', publishLogs: 'false', unpublishRevoked: 'false' }).template.toJSON()).toEqual(
      byDefault.template.toJSON(),
    );
  });

  test('With publish, a deployed stack gets new resources, and none of its resources is replaced.', () => {
    const typesOf = ({ resolved }: SynthesizedStack, among: SynthesizedStack) =>
      Object.entries(resolved.Resources)
        .filter(([id]) => id in among.resolved.Resources)
        .map(([id, { Type }]) => [id, Type]);
    expect(typesOf(publishing, byDefault).toSorted()).toEqual(typesOf(byDefault, byDefault).toSorted());

    const changed = Object.keys(byDefault.resolved.Resources).filter(
      (id) => JSON.stringify(byDefault.resolved.Resources[id]) !== JSON.stringify(publishing.resolved.Resources[id]),
    );
    expect(changed.map(nameOf).toSorted()).toEqual([
      'BucketPolicy',
      'CollectFunction',
      'DeadLetterQueuePolicy',
      'StateMachine',
      'StateMachineRole',
      'SurveyFunction',
      'SurveyFunctionRoleDefaultPolicy',
    ]);
  });
});
