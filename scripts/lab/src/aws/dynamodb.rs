//! DynamoDB: listing and describing tables, and empty answers of the data operations on tables that exist.

use serde_json::{Value, json};

use super::Aws;
use super::access::Ask;
use super::errors::{Fault, plain_xml};
use super::request::{Call, Reply};
use super::service_call::ServiceCall;

const TARGET: &str = "DynamoDB_20120810";

/// The answer of DynamoDB.
pub(crate) fn answer(aws: &Aws, call: &Call) -> Reply {
    let work = ServiceCall::new(aws, "dynamodb", call);
    if call.method == http::Method::GET {
        // Load balancers and people ask a bare address whether the service is alive.
        return match call.path.as_str() {
            "/" | "/ping" => Reply::new(200, "text/plain", format!("healthy: {} ", call.host))
                .with("x-amzn-requestid", call.id.clone())
                .with("server", "Server"),
            _ => plain_xml(call, 404, "UnknownOperationException", ""),
        };
    }
    let operation = match work.json_operation(Some(TARGET)) {
        Ok(operation) => operation,
        Err(reply) => return reply,
    };
    operate(&work, &operation).unwrap_or_else(|fault| fault.reply("dynamodb", call))
}

fn operate(work: &ServiceCall<'_>, operation: &str) -> Result<Reply, Fault> {
    let ask = |action, resource| Ask::own(work.aws, action, resource);
    let who = work.caller()?;
    let body = work.json_body()?;
    let action = format!("dynamodb:{operation}");
    match operation {
        "ListTables" => {
            work.allow(&who, &ask(&action, work.arn("table/*")))?;
            list(work, &body)
        }
        "DescribeLimits" | "ListBackups" | "ListGlobalTables" | "ListExports" | "ListImports"
        | "DescribeEndpoints" => {
            work.allow(&who, &ask(&action, "*".to_owned()))?;
            Ok(work.json(&json!({})))
        }
        "DescribeTable" | "GetItem" | "Query" | "Scan" | "PutItem" | "UpdateItem" | "DeleteItem" => {
            let Some(table) = body["TableName"].as_str() else {
                let text = "1 validation error detected: Value null at 'tableName' failed to satisfy constraint: \
                            Member must not be null";
                return Err(Fault::new(400, "ValidationException", text));
            };
            let name = table.rsplit('/').next().unwrap_or(table);
            work.allow(&who, &ask(&action, work.arn(&format!("table/{name}"))))?;
            if !work.aws.config.tables.iter().any(|known| known == name)
                || work.scope.region != work.aws.config.region
            {
                return Err(absent(operation, name));
            }
            match operation {
                "DescribeTable" => Ok(describe(work, name)),
                "GetItem" => Ok(work.json(&json!({}))),
                "Query" | "Scan" => Ok(work.json(&json!({ "Items": [], "Count": 0, "ScannedCount": 0 }))),
                _ => Err(Fault::new(400, "ValidationException", "The tables of the lab cannot be written")),
            }
        }
        _ => Err(super::service_call::unknown_operation()),
    }
}

fn list(work: &ServiceCall<'_>, body: &Value) -> Result<Reply, Fault> {
    let limit = match body.get("Limit") {
        None | Some(Value::Null) => 100,
        Some(limit) => limit
            .as_u64()
            .filter(|limit| (1..=100).contains(limit))
            .ok_or_else(|| Fault::new(400, "ValidationException", "Limit must be between 1 and 100"))?,
    };
    let after = body["ExclusiveStartTableName"].as_str().unwrap_or_default();
    let mut names: Vec<&str> =
        work.aws.config.tables.iter().map(String::as_str).filter(|name| *name > after).collect();
    names.sort_unstable();
    if work.scope.region != work.aws.config.region {
        names.clear();
    }
    let limit = usize::try_from(limit).unwrap_or(100);
    let mut answer = json!({ "TableNames": names.iter().take(limit).collect::<Vec<_>>() });
    if names.len() > limit {
        answer["LastEvaluatedTableName"] = json!(names[limit - 1]);
    }
    Ok(work.json(&answer))
}

fn describe(work: &ServiceCall<'_>, name: &str) -> Reply {
    work.json(&json!({ "Table": {
        "TableName": name,
        "TableStatus": "ACTIVE",
        "TableArn": work.arn(&format!("table/{name}")),
        "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
        "BillingModeSummary": { "BillingMode": "PAY_PER_REQUEST" },
        "ProvisionedThroughput": { "NumberOfDecreasesToday": 0, "ReadCapacityUnits": 0, "WriteCapacityUnits": 0 },
        "CreationDateTime": 1_704_067_200.0,
        "ItemCount": 0,
        "TableSizeBytes": 0,
    } }))
}

fn absent(operation: &str, table: &str) -> Fault {
    // Only the operations on the table itself name it.
    let text = if operation == "DescribeTable" {
        format!("Requested resource not found: Table: {table} not found")
    } else {
        "Requested resource not found".to_owned()
    };
    Fault::own(400, "ResourceNotFoundException", text)
}
