//! The report as one page for a browser: what is wrong, the paths as a picture, the findings with commands to copy, and
//! where the time went. The page is whole by itself and fetches nothing; its own policy forbids it to.

mod picture;
mod waterfall;

use super::markup::escaped;
use super::{commands, container};
use crate::report::{CheckOutcome, Confidence, Finding, Report, Verdict};

/// The whole page.
pub(super) fn html(report: &Report) -> String {
    let host = report.recording.environment.host.instance_id.as_deref().unwrap_or("this host");
    let status = report.summary.status.word();
    let parts = [
        head(report),
        section("paths", "Paths", &picture::picture(report)),
        section("findings", "Findings", &findings(report)),
        section("evidence", "Why", &targets(report)),
        section("time", "Time", &waterfall::waterfall(report)),
        section("rules", "Rules", &rules(report)),
    ];
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>vpcprobe: {status}: {}</title>\n<style>\n{}</style>\n</head>\n<body>\n{}\
         <script>\n{}</script>\n</body>\n</html>\n",
        escaped(host),
        include_str!("html/style.css"),
        parts.concat(),
        include_str!("html/copy.js"),
    )
}

fn section(id: &str, title: &str, content: &str) -> String {
    format!("<section id=\"{id}\">\n<h2>{title}</h2>\n{content}</section>\n")
}

fn head(report: &Report) -> String {
    let host = &report.recording.environment.host;
    let run = &report.recording.run;
    let status = report.summary.status.word();
    let addresses: Vec<String> = host.private_ips.iter().map(ToString::to_string).collect();
    let rounds = if run.rounds > 1 { format!(" (round {})", run.rounds) } else { String::new() };
    let pseudonyms = if run.redacted { ", ids, names and addresses are pseudonyms" } else { "" };
    let cut = if run.cut_short { ", cut short" } else { "" };
    let known = |value: &Option<String>| value.clone().unwrap_or_else(|| "not known".to_owned());
    let rows = [
        ("Instance", known(&host.instance_id)),
        (
            "Region",
            format!("{} {}", known(&host.region), host.availability_zone_id.clone().unwrap_or_default()),
        ),
        ("VPC", known(&host.vpc_id)),
        ("Subnet", known(&host.subnet_id)),
        ("Addresses", addresses.join(" ")),
        ("Probed", format!("{}, {:.1} s{rounds}{cut}{pseudonyms}", run.started_at, run.elapsed_ms / 1000.0)),
    ];
    let rows: String = rows
        .iter()
        .map(|(name, value)| format!("<div><dt>{name}</dt><dd>{}</dd></div>\n", escaped(value)))
        .collect();
    let remark = container::remark(report).map(|remark| format!("<p>{}</p>\n", escaped(&remark)));
    format!(
        "<header class=\"{status}\">\n<p class=\"status\">{status}</p>\n<h1>{}</h1>\n<dl>\n{rows}</dl>\n{}</header>\n",
        escaped(&report.summary.headline),
        remark.unwrap_or_default()
    )
}

fn findings(report: &Report) -> String {
    if report.findings.is_empty() {
        return "<p>None.</p>\n".to_owned();
    }
    report.findings.iter().map(finding).collect()
}

fn finding(finding: &Finding) -> String {
    let severity = finding.severity.word();
    let mut text = format!(
        "<article class=\"finding {severity}\">\n<h3><span class=\"badge\">{severity}</span> {}</h3>\n\
         <p class=\"about\"><code>{}</code> on <code>{}</code></p>\n",
        escaped(&finding.summary),
        escaped(&finding.rule),
        escaped(&finding.subject.id)
    );
    if !finding.causes.is_empty() {
        let title = if finding.causes.len() == 1 { "Cause" } else { "Possible causes, most likely first" };
        let causes: String =
            finding.causes.iter().map(|cause| format!("<li>{}</li>\n", prose(cause))).collect();
        text.push_str(&format!("<h4>{title}</h4>\n<ol>\n{causes}</ol>\n"));
    }
    text.push_str(&format!("<h4>Fix</h4>\n<p>{}</p>\n", prose(&finding.remedy.text)));
    for (title, run) in commands::runs(&finding.remedy.commands) {
        text.push_str(&format!("<h4>{title}</h4>\n"));
        for command in run {
            text.push_str(&format!("<div class=\"command\"><pre>{}</pre></div>\n", words(command)));
        }
    }
    if !finding.explains.is_empty() {
        let explained: Vec<String> = finding
            .explains
            .iter()
            .map(|each| {
                format!("<code>{}</code> on <code>{}</code>", escaped(&each.rule), escaped(&each.subject.id))
            })
            .collect();
        text.push_str(&format!("<p class=\"about\">Explains {}</p>\n", explained.join(", ")));
    }
    text.push_str("</article>\n");
    text
}

/// A command whose lines break between words alone: broken at a hyphen, an id or an option reads like two.
fn words(command: &str) -> String {
    let words: Vec<String> =
        command.split(' ').map(|word| format!("<span>{}</span>", escaped(word))).collect();
    words.join(" ")
}

/// A sentence whose options stand as code, in which no line breaks.
fn prose(text: &str) -> String {
    let word = |word: &str| {
        if word.starts_with("--") { format!("<code>{}</code>", escaped(word)) } else { escaped(word) }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn targets(report: &Report) -> String {
    let rows: String = report.verdicts.iter().map(target).collect();
    format!(
        "<table>\n<thead><tr><th>Target</th><th>Path</th><th>Confidence</th><th>Because</th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table>\n"
    )
}

fn target(verdict: &Verdict) -> String {
    let via = verdict.via.map(|via| format!(", {}", via.words())).unwrap_or_default();
    let endpoint = verdict
        .vpc_endpoint_id
        .as_ref()
        .map(|id| format!("<br><code>{}</code>", escaped(id)))
        .unwrap_or_default();
    let reasons: String =
        verdict.because.iter().map(|reason| format!("<li>{}</li>", prose(&reason.text))).collect();
    let required = if verdict.required { "required" } else { "optional" };
    format!(
        "<tr class=\"{}\"><th scope=\"row\">{}<small>{required}</small></th><td>{}{via}{endpoint}\
         <small>{}</small></td><td>{}</td><td><ul>{reasons}</ul></td></tr>\n",
        state(verdict),
        escaped(&verdict.target),
        verdict.path.words(),
        verdict.answers_in_words().to_lowercase(),
        verdict.confidence.map_or("not at all", Confidence::word),
    )
}

/// The class under which style and picture show how a target fares.
fn state(verdict: &Verdict) -> &'static str {
    match verdict.reachable {
        Some(true) => "answers",
        Some(false) => "silent",
        None => "untried",
    }
}

fn rules(report: &Report) -> String {
    let word = |outcome: CheckOutcome| match outcome {
        CheckOutcome::Clear => "clear",
        CheckOutcome::Found => "found",
        CheckOutcome::Explained => "explained",
        CheckOutcome::NotApplicable => "not applicable",
        CheckOutcome::CannotTell => "cannot tell",
    };
    let rows: String = report
        .checks
        .iter()
        .map(|check| {
            format!(
                "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>\n",
                escaped(&check.rule),
                word(check.outcome),
                escaped(&check.why)
            )
        })
        .collect();
    format!(
        "<details><summary>What the rules came to ({})</summary>\n<table>\n<tbody>\n{rows}</tbody>\n</table>\n\
         </details>\n<p class=\"about\">vpcprobe {}. <code>vpcprobe explain RULE</code> tells more about a rule.</p>\n",
        report.checks.len(),
        escaped(&report.recording.run.version)
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::mixed;
    use super::*;

    #[test]
    fn the_page_fetches_nothing() {
        let page = html(&mixed());
        for word in ["src=", "href=", "url(", "@import", "http-equiv=\"refresh\""] {
            assert!(!page.contains(word), "{word}");
        }
        assert!(page.contains("default-src 'none'"));
    }

    #[test]
    fn findings_stand_there_with_every_command() {
        let report = mixed();
        let page = html(&report);
        for finding in &report.findings {
            assert!(page.contains(&escaped(&finding.summary)));
            for command in &finding.remedy.commands {
                let text = page.replace("<span>", "").replace("</span>", "");
                assert!(text.contains(&format!("<pre>{}</pre>", escaped(command))), "{command}");
            }
        }
    }

    #[test]
    fn what_a_peer_sent_stays_text() {
        let mut report = mixed();
        "<script>alert(1)</script>".clone_into(&mut report.summary.headline);
        "\"><img>".clone_into(&mut report.verdicts[0].target);
        let page = html(&report);
        assert_eq!(page.matches("<script>").count(), 1, "the page's own");
        assert!(!page.contains("<img>"));
    }
}
