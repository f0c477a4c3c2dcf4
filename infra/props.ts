import type { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { ICertificate } from 'aws-cdk-lib/aws-certificatemanager';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IHostedZone } from 'aws-cdk-lib/aws-route53';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { ITopic } from 'aws-cdk-lib/aws-sns';

/**
 * The props of a collector. All are optional. If you pass a resource, the collector uses it as it is, and does not create
 * one. Undefined is the same as no value.
 */
export interface MarkCertificateCollectorProps {
  /**
   * The name of the collector: 1 to 32 lower-case letters, digits and hyphens. It separates the collectors of one AWS
   * account and region, and is a part of the names of secrets, alarms, metrics and saved queries.
   *
   * @default 'mark-certificate-collector'
   */
  readonly name?: string | undefined;
  /**
   * The source of the events "Mark Certificate Ordered" that announce an order.
   *
   * @default 'mark-certificates'
   */
  readonly eventSource?: string | undefined;
  /**
   * The event bus from which the collector takes the events of orders, and to which it sends its own events. It must be in
   * the account and region of the stack.
   *
   * @default - the default event bus of the account and region
   */
  readonly eventBus?: IEventBus | undefined;
  /**
   * The secret with the login at the CA: `{"loginName": "…", "loginPassword": "…"}`. The logins of other accounts at the CA
   * are the secrets `<name>/accounts/<account>`.
   *
   * @default - the collector creates the secret `<name>/credentials` with placeholders; a person then stores the login in it
   */
  readonly credentials?: ISecret | undefined;
  /**
   * The bucket that stores the orders, in the folder `orders/`. It should be versioned and private. With `publish`, the
   * collector must be able to extend its policy, so the app must create the bucket and not import it.
   *
   * @default - a bucket that is versioned, private, encrypted and accepts TLS only
   */
  readonly bucket?: IBucket | undefined;
  /**
   * The key that encrypts what the collector creates: the bucket, the secrets, the queue and the topics. The policy of an
   * imported key needs the statements of docs/settings.md, because only the owner of the key can change its policy.
   *
   * @default - keys of AWS
   */
  readonly encryptionKey?: IKey | undefined;
  /**
   * What happens to the bucket that the collector creates, if it is removed from the stack: DESTROY, RETAIN or
   * RETAIN_ON_UPDATE_OR_DELETE. A bucket that is not empty is never deleted.
   *
   * @default RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
   */
  readonly removalPolicy?: RemovalPolicy | undefined;
  /**
   * The time between two checks of an order, 3 hours to 2 days: the CA allows one call in 3 hours for an order.
   *
   * @default Duration.hours(3)
   */
  readonly pollEvery?: Duration | undefined;
  /**
   * The time between two checks of an order whose outcome the CA pushes, from `pollEvery` to 1 day. It needs `push`. The
   * collector uses it for the orders of an account for which a push has arrived, for 90 days after a push, and until a
   * certificate is issued without a push.
   *
   * @default - `pollEvery`
   */
  readonly pollEveryWithPush?: Duration | undefined;
  /**
   * The deadline of an order, from its start, at most 360 days: after it, the collection fails as overdue.
   *
   * @default Duration.days(90)
   */
  readonly giveUpAfter?: Duration | undefined;
  /**
   * The time between the first reminder and the expiry of a certificate, 7 to 90 whole days.
   *
   * @default Duration.days(30)
   */
  readonly remindBefore?: Duration | undefined;
  /**
   * How long before the end of a certificate the collector starts to ask the CA whether its order has another one, 7 to
   * 180 whole days. It asks as long after the end too. `Duration.days(0)`: it never asks again.
   *
   * @default Duration.days(45)
   */
  readonly askAgainBefore?: Duration | undefined;
  /**
   * SHA-256 fingerprints of certificates to trust in addition to the known roots of mark certificates, 64 hex digits
   * each.
   *
   * @default - only the known roots
   */
  readonly trustAnchors?: readonly string[] | undefined;
  /**
   * Keys of certificate transparency logs to trust in addition to the known logs of mark certificates:
   * SubjectPublicKeyInfo in base64.
   *
   * @default - only the known logs
   */
  readonly ctLogs?: readonly string[] | undefined;
  /**
   * The topic that receives the alarms and the messages for operators. If the topic is imported, its policy must allow the
   * alarms of the account to publish.
   *
   * @default - the collector creates a topic
   */
  readonly alarmTopic?: ITopic | undefined;
  /**
   * The topic that receives the messages about certificates, for the owners of the brand.
   *
   * @default - the collector creates a topic if `notifyEmail` is set; otherwise, the operators receive these messages
   */
  readonly notifyTopic?: ITopic | undefined;
  /**
   * The e-mail address that is subscribed to the topic of the operators; AWS asks it for confirmation.
   *
   * @default - no address is subscribed
   */
  readonly alarmEmail?: string | undefined;
  /**
   * The e-mail address that is subscribed to the topic of the messages about certificates; AWS asks it for confirmation.
   *
   * @default - no address is subscribed
   */
  readonly notifyEmail?: string | undefined;
  /**
   * The page that messages link to: an https URL without a fragment. Each message adds the fragment of a section of the
   * runbook.
   *
   * @default - the runbook of this project
   */
  readonly runbookUrl?: string | undefined;
  /**
   * Whether to create a dashboard. AWS charges 3 dollars a month for it.
   *
   * @default false
   */
  readonly dashboard?: boolean | undefined;
  /**
   * Whether the CA may push notifications to a function URL.
   *
   * @default false
   */
  readonly push?: boolean | undefined;
  /**
   * Whether to publish chain and logo for the domains of an order, and how. `true` publishes them at a host name of
   * CloudFront.
   *
   * @default false
   */
  readonly publish?: boolean | PublishProps | undefined;
  /**
   * Whether CloudFront logs who fetches what is published. The logs contain IP addresses. A bucket keeps them for 30 days.
   * It needs `publish`.
   *
   * @default false
   */
  readonly publishLogs?: boolean | undefined;
  /**
   * Whether the collector deletes chain and logo of a revoked certificate from their public addresses. It needs `publish`.
   *
   * @default false
   */
  readonly unpublishRevoked?: boolean | undefined;
  /**
   * The URL of CollectMC: https, or http for a loopback address.
   *
   * @default - the URL of the CA
   */
  readonly collectUrl?: string | undefined;
  /**
   * The container format to request from the CA.
   *
   * @default 'pkcs7'
   */
  readonly responseFormat?: 'pkcs7' | 'pkcs7-base64' | 'zip' | 'zip-base64' | 'pem' | undefined;
  /**
   * How many calls to the CA may run at once: 1 to 1000, or `'none'` if the AWS account cannot reserve concurrency.
   *
   * @default 1
   */
  readonly reservedConcurrency?: number | 'none' | undefined;
}

/** How to publish chain and logo. */
export interface PublishProps {
  /**
   * The host name of the published addresses. It needs `certificate`.
   *
   * @default - the host name of CloudFront
   */
  readonly domainName?: string | undefined;
  /**
   * The TLS certificate of `domainName`, in us-east-1: CloudFront requires this region. It needs `domainName`.
   *
   * @default - the certificate of CloudFront
   */
  readonly certificate?: ICertificate | undefined;
  /**
   * The zone that contains `domainName`. The collector creates alias records (A and AAAA) to CloudFront in it. It needs
   * `domainName`.
   *
   * @default - the collector creates no record: the DNS of `domainName` must point to the distribution
   */
  readonly hostedZone?: IHostedZone | undefined;
}
