-- Which instances reach S3 or DynamoDB through NAT, where a gateway endpoint would cost nothing, by subnet and route table. What
-- the newest report of an instance says counts. The route table is known where the instance may ask EC2 for it.
WITH told AS (
    SELECT
        coalesce(environment.instance_id, 'unnamed, ' || run.started_at) AS instance_id,
        environment,
        control_plane,
        verdicts,
        row_number() OVER (
            PARTITION BY coalesce(environment.instance_id, 'unnamed, ' || run.started_at)
            ORDER BY run.started_at DESC
        ) AS age
    FROM reports
    WHERE schema_version = 1
)
SELECT
    verdict.service AS service,
    environment.account_id AS account_id,
    environment.region AS region,
    environment.vpc_id AS vpc_id,
    environment.subnet_id AS subnet_id,
    control_plane.route_table.done.id AS route_table_id,
    count(DISTINCT instance_id) AS instances,
    CASE min(CASE verdict.confidence WHEN 'possible' THEN 1 WHEN 'likely' THEN 2 ELSE 3 END)
        WHEN 1 THEN 'possible' WHEN 2 THEN 'likely' ELSE 'proven'
    END AS confidence,
    array_agg(DISTINCT instance_id) AS instance_ids
FROM told
CROSS JOIN UNNEST(verdicts) AS t (verdict)
WHERE age = 1
    AND verdict.service IN ('s3', 'dynamodb', 's3express')
    AND verdict.path = 'internet'
    AND verdict.via IN ('nat_gateway', 'nat_instance', 'nat_or_appliance')
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY service, instances DESC, subnet_id, route_table_id
