-- What is wrong, on how many instances, and since when: since the first report of the unbroken series that has the finding and
-- reaches to the newest report of that instance. or_before: that was its oldest report here, so it may have been so before.
WITH told AS (
    SELECT
        coalesce(environment.instance_id, 'unnamed, ' || run.started_at) AS instance_id,
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
        min(reported_at) AS since,
        min(number) = 1 AS or_before
    FROM found
    GROUP BY instance_id, rule, subject_kind, subject_id, series, newest
    HAVING max(number) = newest
)
SELECT
    severity,
    rule,
    count(DISTINCT instance_id) AS instances,
    min(since) AS since,
    coalesce(min(CASE WHEN or_before THEN since END) = min(since), false) AS or_before
FROM current_findings
GROUP BY severity, rule
ORDER BY CASE severity WHEN 'error' THEN 1 WHEN 'warning' THEN 2 ELSE 3 END, instances DESC, rule
