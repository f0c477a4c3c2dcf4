import { Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * Says of a role why the name of a resource in its policy holds a wildcard. cdk-nag writes references in its own way, so
 * the ARN is written that way here: `<LogicalId.Arn>`.
 */
export function acknowledgeWildcard(role: IConstruct, arn: string, reason: string): void {
  const resource = written(Stack.of(role).resolve(arn));
  Validations.of(role).acknowledge({ id: `AwsSolutions-IAM5[Resource::${resource}]`, reason });
}

function written(value: unknown): string {
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
      return argument[1].map(written).join(argument[0]);
    default:
      throw new Error(`No resource's name is made of ${intrinsic}`);
  }
}
