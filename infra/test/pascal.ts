// From Pulumi's way of writing properties to the one of AWS's own interfaces.

/** The same with every key in capitals, all the way down; what is undefined is left out. */
export function pascal(value: any): any {
  if (Array.isArray(value)) {
    return value.map(pascal);
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(entries.map(([key, inner]) => [capital(key), pascal(inner)]));
}

function capital(key: string): string {
  return key.charAt(0).toUpperCase() + key.slice(1);
}

/** How a pipe's parameters and logs are written. */
export function pascalPipe(inputs: any): Record<string, any> {
  const { dynamodbStreamParameters, filterCriteria } = inputs.sourceParameters;
  const { includeExecutionDatas, ...logging } = inputs.logConfiguration;
  return {
    SourceParameters: {
      DynamoDBStreamParameters: pascal(dynamodbStreamParameters),
      FilterCriteria: pascal(filterCriteria),
    },
    TargetParameters: pascal(inputs.targetParameters),
    LogConfiguration: { ...pascal(logging), IncludeExecutionData: includeExecutionDatas },
  };
}

/** How a table is written. */
export function pascalTable(inputs: any): Record<string, any> {
  const key = (name: string, type: string) => ({ AttributeName: name, KeyType: type });
  return {
    TableName: inputs.name,
    BillingMode: inputs.billingMode,
    AttributeDefinitions: inputs.attributes.map(({ name, type }: any) => ({
      AttributeName: name,
      AttributeType: type,
    })),
    KeySchema: [
      key(inputs.hashKey, "HASH"),
      ...(inputs.rangeKey === undefined ? [] : [key(inputs.rangeKey, "RANGE")]),
    ],
    ...(inputs.onDemandThroughput && pascal({ onDemandThroughput: inputs.onDemandThroughput })),
    DeletionProtectionEnabled: inputs.deletionProtectionEnabled,
  };
}
