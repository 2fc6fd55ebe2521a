-- What is wrong where: findings by subnet and route table, on how many instances, and since when (as in the query of all findings).
WITH told AS (
    SELECT
        coalesce(environment.instance_id, 'unnamed, ' || run.started_at) AS instance_id,
        environment,
        control_plane,
        run.started_at AS reported_at,
        findings,
        row_number() OVER (
            PARTITION BY coalesce(environment.instance_id, 'unnamed, ' || run.started_at)
            ORDER BY run.started_at
        ) AS number,
        count(*) OVER (
            PARTITION BY coalesce(environment.instance_id, 'unnamed, ' || run.started_at)
        ) AS newest
    FROM reports
    WHERE schema_version = 1
),
found AS (
    SELECT
        instance_id,
        reported_at,
        number,
        newest,
        environment.account_id AS account_id,
        environment.region AS region,
        environment.vpc_id AS vpc_id,
        environment.subnet_id AS subnet_id,
        control_plane.route_table.done.id AS route_table_id,
        finding.rule AS rule,
        finding.severity AS severity,
        finding.subject.kind AS subject_kind,
        finding.subject.id AS subject_id,
        -- Equal for reports that follow each other without a gap.
        number - row_number() OVER (
            PARTITION BY instance_id, finding.rule, finding.subject.kind, finding.subject.id
            ORDER BY number
        ) AS series
    FROM told
    CROSS JOIN UNNEST(findings) AS t (finding)
),
current_findings AS (
    SELECT
        instance_id,
        rule,
        max(CASE WHEN number = newest THEN severity END) AS severity,
        max(CASE WHEN number = newest THEN account_id END) AS account_id,
        max(CASE WHEN number = newest THEN region END) AS region,
        max(CASE WHEN number = newest THEN vpc_id END) AS vpc_id,
        max(CASE WHEN number = newest THEN subnet_id END) AS subnet_id,
        max(CASE WHEN number = newest THEN route_table_id END) AS route_table_id,
        min(reported_at) AS since
    FROM found
    GROUP BY instance_id, rule, subject_kind, subject_id, series, newest
    HAVING max(number) = newest
)
SELECT
    severity,
    rule,
    account_id,
    region,
    vpc_id,
    subnet_id,
    route_table_id,
    count(DISTINCT instance_id) AS instances,
    min(since) AS since
FROM current_findings
GROUP BY 1, 2, 3, 4, 5, 6, 7
ORDER BY CASE severity WHEN 'error' THEN 1 WHEN 'warning' THEN 2 ELSE 3 END, rule, instances DESC, subnet_id
