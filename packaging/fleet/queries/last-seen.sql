-- When each instance last reported and what it said, those that are silent longest first. Who cannot write to S3 is not here at
-- all: compare with the managed nodes of Systems Manager.
WITH told AS (
    SELECT
        coalesce(environment.instance_id, 'unnamed, ' || run.started_at) AS instance_id,
        environment,
        summary,
        run.started_at AS reported_at,
        row_number() OVER (
            PARTITION BY coalesce(environment.instance_id, 'unnamed, ' || run.started_at)
            ORDER BY run.started_at DESC
        ) AS age,
        count(*) OVER (
            PARTITION BY coalesce(environment.instance_id, 'unnamed, ' || run.started_at)
        ) AS reports,
        min(run.started_at) OVER (
            PARTITION BY coalesce(environment.instance_id, 'unnamed, ' || run.started_at)
        ) AS first_report_at
    FROM reports
    WHERE schema_version = 1
)
SELECT
    instance_id,
    environment.account_id AS account_id,
    environment.region AS region,
    environment.subnet_id AS subnet_id,
    summary.status AS status,
    summary.headline AS headline,
    reports,
    first_report_at,
    reported_at AS last_report_at
FROM told
WHERE age = 1
ORDER BY last_report_at, instance_id
