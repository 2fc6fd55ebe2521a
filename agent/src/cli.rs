//! The command line as clap sees it: names, help texts and variables, and nothing else.
//!
//! Values stay text here. [`crate::settings`] gives them a meaning, so that a value from a variable or the settings file
//! is refused with the same words as one from a flag.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand};

/// Tells which path this EC2 instance takes to AWS services, what is wrong with it, and how to fix it.
#[derive(Debug, Parser)]
#[command(
    name = "vpcprobe",
    version,
    about,
    args_conflicts_with_subcommands = true,
    after_help = "Exit codes: 0 nothing at --fail-on level · 1 findings at that level · 2 usage, settings or an output \
                  that could not be written · 3 not enough could be observed · 70 internal error.\n\n\
                  An option may also be a variable (--fail-on: VPCPROBE_FAIL_ON) or a key of the settings file (fail_on).\n\n\
                  Examples:\n  vpcprobe\n  vpcprobe --profile ssm --fail-on never\n  \
                  vpcprobe --bucket my-bucket --format json | jq .summary\n  vpcprobe explain s3-egress-through-nat"
)]
pub struct Cli {
    /// What to do; without one, `run`.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The options of `run`.
    #[command(flatten)]
    pub run: RunArguments,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Probe this instance and print the report (the default)
    Run(Box<RunArguments>),
    /// Judge the observations of a saved report again, without any network
    Judge {
        /// The report; `-` reads standard input
        report: PathBuf,
        #[command(flatten)]
        #[expect(missing_docs, reason = "clap would show a doc comment here as help text")]
        output: OutputArguments,
    },
    /// Show what changed between two saved reports; exit code 0 where nothing did, 1 where something did
    Diff {
        /// The older report, or that of a healthy instance; `-` reads standard input
        old: PathBuf,
        /// The newer report, or that of the suspect instance
        new: PathBuf,
        /// How to show it: text, or json (one line)
        #[arg(long, value_name = "FORMAT", value_parser = ["text", "json"], default_value = "text")]
        format: String,
        #[command(flatten)]
        #[expect(missing_docs, reason = "clap would show a doc comment here as help text")]
        redaction: RedactionArguments,
    },
    /// Show a saved report as it is, in another format
    Render {
        /// The report; `-` reads standard input
        report: PathBuf,
        #[command(flatten)]
        #[expect(missing_docs, reason = "clap would show a doc comment here as help text")]
        output: OutputArguments,
    },
    /// Show what many saved reports say together: paths, findings and since when, and the fix that helps most
    Fleet(FleetArguments),
    /// Print the manual page of a rule, the table of verdicts (`verdicts`), or the list of rules
    Explain {
        /// A rule's id, or `verdicts`
        topic: Option<String>,
    },
    /// List the services that --service knows, with their host name and endpoint service name in a Region
    Services {
        /// The Region to show names for
        #[arg(long, env = "VPCPROBE_REGION", default_value = "us-east-1", hide_env_values = true)]
        region: String,
    },
    /// Print the JSON schema of the report, or of what `fleet` says
    Schema {
        /// Of what: report, fleet
        #[arg(value_parser = ["report", "fleet"], default_value = "report")]
        of: String,
    },
    /// Print the least IAM policy under which a run with these options can do all it does; --region chooses the partition
    IamPolicy(Box<RunArguments>),
    /// Print the completions of a shell, to be sourced or put where it looks for them
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, as `man -l -` reads it
    Man,
}

/// The options of a run.
#[derive(Debug, Default, Args)]
pub struct RunArguments {
    /// Which services to probe: core, ssm, beanstalk, beanstalk-docker, beanstalk-ecs, ecs, ecr, all [default: core]
    #[arg(long, env = "VPCPROBE_PROFILE", value_name = "NAME", hide_env_values = true)]
    pub profile: Option<String>,
    /// Services to probe instead of a profile's, or beside it where --profile is given; they are required
    #[arg(
        long,
        env = "VPCPROBE_SERVICE",
        value_name = "NAME,…",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub service: Option<Vec<String>>,
    /// Buckets to probe, each under its own host name; required
    #[arg(
        long,
        env = "VPCPROBE_BUCKET",
        value_name = "NAME,…",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub bucket: Option<Vec<String>>,
    /// DynamoDB tables to describe; required
    #[arg(
        long,
        env = "VPCPROBE_TABLE",
        value_name = "NAME,…",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub table: Option<Vec<String>>,
    /// What must be true here, e.g. s3=gateway,ssm=interface,sts=any
    #[arg(
        long,
        env = "VPCPROBE_EXPECT",
        value_name = "SERVICE=PATH,…",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub expect: Option<Vec<String>>,
    /// The Region, instead of what the instance says
    #[arg(long, env = "VPCPROBE_REGION", value_name = "NAME", hide_env_values = true)]
    pub region: Option<String>,
    /// Use the FIPS host names [default: as the SDKs' own settings say]
    #[arg(long, env = "VPCPROBE_FIPS", value_parser = BoolishValueParser::new(), num_args = 0..=1, default_missing_value = "true", require_equals = true, hide_env_values = true)]
    pub fips: Option<bool>,
    /// Use the dual-stack host names [default: as the SDKs' own settings say]
    #[arg(long, env = "VPCPROBE_DUAL_STACK", value_parser = BoolishValueParser::new(), num_args = 0..=1, default_missing_value = "true", require_equals = true, hide_env_values = true)]
    pub dual_stack: Option<bool>,
    /// The URL under which a service is asked, such as a VPC endpoint's own name (repeatable)
    #[arg(
        long,
        env = "VPCPROBE_ENDPOINT",
        value_name = "SERVICE=URL",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub endpoint: Option<Vec<String>>,
    /// The profile of the AWS configuration files whose credentials and Region are used
    #[arg(long, env = "VPCPROBE_AWS_PROFILE", value_name = "NAME", hide_env_values = true)]
    pub aws_profile: Option<String>,
    /// Output of `aws ec2 describe-prefix-lists` or `get-managed-prefix-list-entries` (repeatable)
    #[arg(
        long,
        env = "VPCPROBE_PREFIX_LISTS",
        value_name = "[SERVICE=]FILE",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub prefix_lists: Option<Vec<String>>,
    /// Prove the path with a role under session policies, or with a probe bucket (repeatable)
    #[arg(
        long,
        env = "VPCPROBE_PROVE_WITH",
        value_name = "role=ARN|bucket=NAME",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub prove_with: Option<Vec<String>>,
    /// Roots to judge certificates by, beside the bundled ones and the machine's [also: `AWS_CA_BUNDLE`]
    #[arg(long, env = "VPCPROBE_CA_BUNDLE", value_name = "FILE", hide_env_values = true)]
    pub ca_bundle: Option<PathBuf>,
    /// Hosts that no VPC endpoint here serves, to compare with, instead of the partition's public one and S3 and DynamoDB in
    /// a near Region (repeatable)
    #[arg(
        long,
        env = "VPCPROBE_CONTROL_HOST",
        value_name = "HOST",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub control_host: Option<Vec<String>>,
    /// The settings file [default: /etc/vpcprobe.toml where it exists]
    #[arg(long, env = "VPCPROBE_CONFIG", value_name = "FILE", hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// Make no signed call
    #[arg(long, env = "VPCPROBE_NO_SIGN", value_parser = BoolishValueParser::new(), num_args = 0..=1, default_missing_value = "true", require_equals = true, hide_env_values = true)]
    pub no_sign: Option<bool>,
    /// Do not look for routers on the way
    #[arg(long, env = "VPCPROBE_NO_HOPS", value_parser = BoolishValueParser::new(), num_args = 0..=1, default_missing_value = "true", require_equals = true, hide_env_values = true)]
    pub no_hops: Option<bool>,
    /// Contact no host to compare with: neither a public one nor a service in another Region
    #[arg(long, env = "VPCPROBE_NO_CONTROLS", value_parser = BoolishValueParser::new(), num_args = 0..=1, default_missing_value = "true", require_equals = true, hide_env_values = true)]
    pub no_controls: Option<bool>,
    /// Do not ask EC2 about the subnet's routes, endpoints and security groups
    #[arg(long, env = "VPCPROBE_NO_INSPECT", value_parser = BoolishValueParser::new(), num_args = 0..=1, default_missing_value = "true", require_equals = true, hide_env_values = true)]
    pub no_inspect: Option<bool>,
    /// Use IPv4 only
    #[arg(long, env = "VPCPROBE_IPV4", value_parser = BoolishValueParser::new(), num_args = 0..=1, default_missing_value = "true", require_equals = true, hide_env_values = true)]
    pub ipv4: Option<bool>,
    /// Use IPv6 only
    #[arg(long, env = "VPCPROBE_IPV6", value_parser = BoolishValueParser::new(), num_args = 0..=1, default_missing_value = "true", require_equals = true, hide_env_values = true)]
    pub ipv6: Option<bool>,
    /// What resolver, TCP, TLS and call of one target share [default: 3s]
    #[arg(long, env = "VPCPROBE_TIMEOUT", value_name = "DURATION", hide_env_values = true)]
    pub timeout: Option<String>,
    /// When the whole run is over, come what may [default: 20s]
    #[arg(long, env = "VPCPROBE_DEADLINE", value_name = "DURATION", hide_env_values = true)]
    pub deadline: Option<String>,
    /// Repeat whole rounds for so long, until nothing is at --fail-on level: for boots, where not all is there yet
    /// [default: 0s, one round]
    #[arg(long, env = "VPCPROBE_WAIT", value_name = "DURATION", hide_env_values = true)]
    pub wait: Option<String>,
    /// From which severity on the exit code is 1: error, warning, never [default: error]
    #[arg(long, env = "VPCPROBE_FAIL_ON", value_name = "SEVERITY", hide_env_values = true)]
    pub fail_on: Option<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show a doc comment here as help text")]
    pub output: OutputArguments,
}

/// The options of `fleet`.
#[derive(Debug, Default, Args)]
pub struct FleetArguments {
    /// Reports, one document a line, or folders, of which every *.json, *.jsonl, *.ndjson and every `stdout` (as Run Command's
    /// output in S3 has it) is read; `-` reads standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// From which severity of any instance's newest report on the exit code is 1: error, warning, never [default: error]
    #[arg(long, env = "VPCPROBE_FAIL_ON", value_name = "SEVERITY", hide_env_values = true)]
    pub fail_on: Option<String>,
    /// The overview's format and file, e.g. json=fleet.json (repeatable): json, table
    #[arg(
        long,
        env = "VPCPROBE_OUTPUT",
        value_name = "FORMAT[=FILE]",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub output: Option<Vec<String>>,
    /// The format on standard output, either of those [default: table on a terminal, else json]
    #[arg(long, env = "VPCPROBE_FORMAT", value_name = "FORMAT", hide_env_values = true)]
    pub format: Option<String>,
    /// Show every group, place and instance in the table
    #[arg(short, long)]
    pub verbose: bool,
    /// Nothing on standard error but errors
    #[arg(short, long)]
    pub quiet: bool,
}

/// Where and how the report is shown.
#[derive(Debug, Default, Args)]
pub struct OutputArguments {
    /// The report's format and file, e.g. json=/var/lib/report.json (repeatable): json, table, html, console, junit,
    /// prometheus, nagios, emf, ssm-inventory
    #[arg(
        long,
        env = "VPCPROBE_OUTPUT",
        value_name = "FORMAT[=FILE]",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub output: Option<Vec<String>>,
    /// The format on standard output, any of those [default: table on a terminal, else json]
    #[arg(long, env = "VPCPROBE_FORMAT", value_name = "FORMAT", hide_env_values = true)]
    pub format: Option<String>,
    /// How much of the observations the JSON keeps: brief, full [default: brief]
    #[arg(long, env = "VPCPROBE_DETAIL", value_name = "DETAIL", hide_env_values = true)]
    pub detail: Option<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show a doc comment here as help text")]
    pub redaction: RedactionArguments,
    /// Show more of each target's evidence in the table
    #[arg(short, long)]
    pub verbose: bool,
    /// Nothing on standard error but errors
    #[arg(short, long)]
    pub quiet: bool,
}

/// Whether what is shown may tell whose it is.
#[derive(Debug, Default, Args)]
pub struct RedactionArguments {
    /// Put pseudonyms in the place of ids, names and addresses, for a report to show to others; verdicts stay the same
    #[arg(long, env = "VPCPROBE_REDACT", value_parser = BoolishValueParser::new(), num_args = 0..=1, default_missing_value = "true", require_equals = true, hide_env_values = true)]
    pub redact: Option<bool>,
    /// A file with a secret of 16 bytes or more, under which pseudonyms are the same in every report; implies --redact
    /// [default: a random key for each run]
    #[arg(long, env = "VPCPROBE_REDACT_KEY", value_name = "FILE", hide_env_values = true)]
    pub redact_key: Option<PathBuf>,
}
