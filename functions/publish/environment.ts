import * as v from 'valibot';
import { collectorVariable, textVariable, urlVariable } from '../environment.ts';

/** The environment of publish. */
export const publishEnvironment = v.object({
  COLLECTOR: collectorVariable(),
  BUCKET_NAME: textVariable('the name of the bucket'),
  PUBLISHED_URL: urlVariable(),
});

export type PublishEnvironment = v.InferInput<typeof publishEnvironment>;
