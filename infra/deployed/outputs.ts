/** What the outputs of a stack mean. The command line uses it without the CDK. */
import type { WrittenSettings } from '../settings.ts';

/** What happens if the publications of a collector are deleted. */
export const LOSS_OF_PUBLICATIONS =
  'the CloudFront distribution is deleted: no address in a BIMI record works any more, and mailboxes show no logo. An order that ' +
  'waits now will fail after its certificate is stored, without the event "Mark Certificate Issued". If you turn it on again, ' +
  'CloudFront assigns another host name';

/**
 * The settings of a stack that an older release deployed without the output Settings, as far as its other outputs show
 * them.
 */
export function settingsInOutputs(outputs: Readonly<Record<string, string>>): WrittenSettings {
  const host = URL.parse(outputs.PublishedUrl ?? '')?.host;
  return {
    push: outputs.PushUrl !== undefined,
    publish: outputs.PublishedUrl !== undefined,
    ...(host !== undefined && host !== outputs.DistributionDomainName && { publishDomainName: host }),
  };
}
