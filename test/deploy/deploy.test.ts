/** Deploys two stacks once and runs all cases on them, in this order. The last cases destroy them. */
import { afterAll, beforeAll } from 'vitest';
import { describeCommandLineOperating } from './cases/command-line-operating.ts';
import { describeCommandLineReading } from './cases/command-line-reading.ts';
import { describeCorrections } from './cases/corrections.ts';
import { describeEmulatorExtensions } from './cases/emulator-extensions.ts';
import { describeEmulatorLimits } from './cases/emulator-limits.ts';
import { describeLoadAndEnd } from './cases/load-and-end.ts';
import { describeOutcomes } from './cases/outcomes.ts';
import { describePublications, describePushes } from './cases/publication-and-push.ts';
import { describeRules } from './cases/rules.ts';
import { describeSmoke } from './cases/smoke.ts';
import { describeStatusAndMessages } from './cases/status-and-messages.ts';
import { describeTwoCollectors } from './cases/two-collectors.ts';
import { describeIssuedOrders, describeLogin, describeWaitingOrders } from './cases/waiting-and-issued.ts';
import { setUp, tearDown } from './suite.ts';

beforeAll(setUp);
afterAll(tearDown);

describeEmulatorLimits();
describeLogin();
describeIssuedOrders();
describeWaitingOrders();
describeEmulatorExtensions();
describeOutcomes();
describeCorrections();
describeStatusAndMessages();
describePublications();
describePushes();
describeCommandLineReading();
describeCommandLineOperating();
describeSmoke();
describeRules();
describeTwoCollectors();
describeLoadAndEnd();
