import { Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * Acknowledges a cdk-nag finding: gives the reason why a resource in a role's policy contains a wildcard. cdk-nag
 * writes a reference as `<LogicalId.Arn>`, so the ARN is converted to this form.
 *
 * @throws {Error} if the ARN contains an intrinsic function other than Ref, Fn::GetAtt and Fn::Join.
 */
export function acknowledgeWildcard(role: IConstruct, arn: string, reason: string): void {
  const resource = nagForm(Stack.of(role).resolve(arn));
  Validations.of(role).acknowledge({ id: `AwsSolutions-IAM5[Resource::${resource}]`, reason });
}

function nagForm(value: unknown): string {
  if (typeof value !== 'object' || value === null) {
    return String(value);
  }
  const [[intrinsic, argument] = []] = Object.entries(value);
  switch (intrinsic) {
    case 'Ref':
      return `<${argument}>`;
    case 'Fn::GetAtt':
      return `<${argument.join('.')}>`;
    case 'Fn::Join':
      return argument[1].map(nagForm).join(argument[0]);
    default:
      throw new Error(`The ARN of a resource cannot contain ${intrinsic}`);
  }
}
