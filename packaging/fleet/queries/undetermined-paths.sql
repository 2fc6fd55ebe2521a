-- Whose path is undetermined, on how many instances, and on how many of them the service answers all the same.
WITH told AS (
    SELECT
        coalesce(environment.instance_id, 'unnamed, ' || run.started_at) AS instance_id,
        verdicts,
        row_number() OVER (
            PARTITION BY coalesce(environment.instance_id, 'unnamed, ' || run.started_at)
            ORDER BY run.started_at DESC
        ) AS age
    FROM reports
    WHERE schema_version = 1
)
SELECT
    verdict.target AS target,
    count(DISTINCT instance_id) AS instances,
    count(DISTINCT CASE WHEN verdict.reachable THEN instance_id END) AS answering,
    array_agg(DISTINCT instance_id) AS instance_ids
FROM told
CROSS JOIN UNNEST(verdicts) AS t (verdict)
WHERE age = 1 AND verdict.path = 'undetermined'
GROUP BY verdict.target
ORDER BY instances DESC, target
