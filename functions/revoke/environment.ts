import * as v from 'valibot';
import { collectorVariable, textVariable } from '../environment.ts';

/** The environment of revoke. */
export const revokeEnvironment = v.object({
  COLLECTOR: collectorVariable(),
  BUCKET_NAME: textVariable('the name of the bucket'),
  /** Whether revoked certificates are taken down. Any other text is refused: it could remove a logo by mistake. */
  UNPUBLISH_REVOKED: v.pipe(
    v.optional(v.picklist(['true', 'false'], 'true, false'), 'false'),
    v.transform((text) => text === 'true'),
  ),
});

export type RevokeEnvironment = v.InferInput<typeof revokeEnvironment>;
