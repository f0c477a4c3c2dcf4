/** Deploys the stack once and runs all cases on it, in this order. The last case destroys the stack. */
import { afterAll, beforeAll } from 'vitest';
import { describeEmulatorLimits } from './cases/emulator-limits.ts';
import { describeLoadAndEnd } from './cases/load-and-end.ts';
import { describeOutcomes } from './cases/outcomes.ts';
import { describePublications, describePushes } from './cases/publication-and-push.ts';
import { describeIssuedOrders, describeLogin, describeWaitingOrders } from './cases/waiting-and-issued.ts';
import { setUp, tearDown } from './suite.ts';

beforeAll(setUp);
afterAll(tearDown);

describeEmulatorLimits();
describeLogin();
describeIssuedOrders();
describeWaitingOrders();
describeOutcomes();
describePublications();
describePushes();
describeLoadAndEnd();
