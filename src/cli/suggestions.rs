//! Suggestions for people who come from other tools: the command, option or setting that they probably mean.

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory, Parser};

use super::Cli;
use crate::experiment::{Equivalent, equivalent, schema, setting_paths};
use crate::terminal::nearest;

/// Parses a command line.
///
/// # Errors
/// clap's error, with tips that name what was probably meant; clap also returns help and version as errors.
pub fn parse(words: &[OsString]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(words).map_err(|error| {
        let words: Vec<String> = words.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
        explained(error, &words)
    })
}

/// Other names for commands or features, and what to use here.
const COMMANDS: &[(&str, &str)] = &[
    ("fit finetune fine-tune fine_tune start exec", "`gluepot run FILE` trains an experiment"),
    ("tune hpo grid search optimize hyperopt multirun tuning", "`gluepot sweep FILE` trains every variant of an experiment"),
    ("continue restart", "`gluepot resume RUN` continues a run"),
    ("status runs history ps dir", "`gluepot list` lists runs and their status, `gluepot show RUN` shows one"),
    (
        "info describe inspect view cat log logs results metrics history curve",
        "`gluepot show RUN` shows a run; log.txt and metrics/ in its directory have everything",
    ),
    (
        "rm remove delete del clean cleanup gc purge",
        "`gluepot prune` removes what finished runs no longer need; to delete a run, delete its directory",
    ),
    ("test score", "`gluepot evaluate RUN` evaluates a model; every run is also evaluated while it trains: `gluepot show RUN`"),
    (
        "prediction predictions infer inference generate",
        "`gluepot predict RUN FILE` predicts; predictions/validation.csv in a run directory has the validation split",
    ),
    (
        "validate lint plan dry-run dryrun explain config settings",
        "`gluepot check FILE` checks an experiment and prints every setting",
    ),
    ("init new create template example", "an experiment is a TOML file: `gluepot --help` ends with a complete one"),
    ("benchmark speed profile time perf", "`gluepot bench FILE` measures how fast an experiment trains"),
    ("plot plots html page dashboard tensorboard board ui visualize", "`gluepot report` writes an HTML page"),
    ("gpu gpus device cuda nvidia-smi", "`gluepot devices` lists the devices"),
    ("stats statistics ttest rank leaderboard best analyze", "`gluepot compare` compares runs"),
    ("hash checksum fsck", "`gluepot verify RUN` verifies a run directory"),
    ("stop kill cancel abort", "Ctrl-C or SIGTERM stops a run, which saves its state first; `gluepot resume RUN` continues it"),
    ("export save push upload convert publish", "the folders in a run's checkpoints/ load in transformers as they are"),
    ("download fetch pull get", "`gluepot run` downloads what is not cached; see docs/hub.md"),
    ("version", "`gluepot --version` prints the version"),
];

/// Options of other tools, and the option here; switches that take no value map to the option with its value.
const OPTIONS: &[(&str, &str)] = &[
    ("output_dir output out out_dir save_dir runs_dir run_dir logging_dir log_dir o", "--runs"),
    ("gpu gpus cuda use_gpu use_cuda", "--device cuda"),
    ("cpu no_cuda use_cpu", "--device cpu"),
    ("num_workers workers parallel n_jobs processes", "--jobs"),
    ("silent", "--quiet"),
    ("markdown md", "--format markdown"),
    ("latex tex", "--format latex"),
    ("csv", "--format csv"),
    ("dry plan plan_only simulate n", "--dry-run"),
];

/// Options of other tools without an equivalent option here.
const NO_OPTIONS: &[(&str, &str)] = &[
    ("config cfg file experiment c f", "give the experiment file without an option, as in `gluepot run FILE`"),
    ("resume continue resume_from_checkpoint", "`gluepot resume RUN` continues a run exactly where it stopped"),
    (
        "seeds axis axes n_trials num_trials trials grid",
        "`gluepot sweep FILE` trains every variant with every seed: --axis, --seeds",
    ),
    ("seed", "seeds of a sweep are given as --seeds 1..5 (1 to 5) or --seeds 1,2,3"),
    ("dry_run dry plan", "`gluepot check FILE` prints the plan and trains nothing"),
    ("verbose v debug", "progress is printed unless --quiet is given; a run's log.txt has everything"),
    ("fresh", "every run is a new run; `gluepot resume RUN` continues one"),
];

fn is_one_of(names: &str, word: &str) -> bool {
    names.split(' ').any(|name| name == word)
}

fn explained(mut error: clap::Error, words: &[String]) -> clap::Error {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let cli = Cli::command();
    let tip = match error.kind() {
        ErrorKind::InvalidSubcommand => text(ContextKind::InvalidSubcommand).map(|word| command_tip(&word, &cli)),
        ErrorKind::UnknownArgument => text(ContextKind::InvalidArg).map(|option| option_tip(&option, words, &cli)),
        _ => return error,
    };
    // clap would suggest hidden commands, and `--` escapes, which nobody means.
    for kind in [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::Suggested] {
        error.remove(kind);
    }
    if let Some(tip) = tip.flatten() {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(tip)]));
    }
    error
}

fn command_tip(word: &str, cli: &Command) -> Option<String> {
    if word.to_lowercase().ends_with(".toml") {
        return Some(format!("to train this experiment: gluepot run {}", quoted(word)));
    }
    let lower = word.to_lowercase();
    if let Some((_, tip)) = COMMANDS.iter().find(|(names, _)| is_one_of(names, &lower)) {
        return Some((*tip).to_string());
    }
    let visible = cli.get_subcommands().filter(|command| !command.is_hide_set());
    let names: Vec<&str> = visible.flat_map(Command::get_name_and_visible_aliases).collect();
    let others = COMMANDS.iter().flat_map(|(names, _)| names.split(' '));
    let near = nearest(&lower, names.iter().copied()).map(|name| format!("did you mean `gluepot {name}`?"));
    near.or_else(|| command_tip(nearest(&lower, others)?, cli))
}

/// The replacement of an unknown option.
enum Replaced {
    /// Words to put in its place.
    By(Vec<String>),
    /// A tip, if nothing can be put in its place.
    Tip(String),
}

fn option_tip(option: &str, words: &[String], cli: &Command) -> Option<String> {
    let command = words.iter().find_map(|word| cli.find_subcommand(word)).filter(|command| !command.is_hide_set())?;
    if !option.starts_with('-') {
        return None;
    }
    let mut rewritten = vec!["gluepot".to_string()];
    let mut rest = words.iter().peekable();
    let mut is_right = true;
    while let Some(word) = rest.next() {
        let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
        if !word.starts_with('-') || word == "-" || is_known(command, name) {
            rewritten.push(quoted(word));
            continue;
        }
        let next = rest.peek().filter(|next| !next.starts_with('-') || next.parse::<f64>().is_ok()).map(|next| next.as_str());
        match replaced(name, value.or(next), command) {
            Some((Replaced::By(words), takes_value)) => {
                rewritten.extend(words.iter().map(|word| quoted(word)));
                if takes_value && value.is_none() {
                    rest.next();
                }
            }
            other => {
                let tip = match other {
                    Some((Replaced::Tip(tip), _)) => Some(tip),
                    _ => None,
                };
                if name == option {
                    return tip;
                }
                is_right = false;
            }
        }
    }
    // If the rewritten command line would still be wrong, suggest only a replacement for the option that clap reports.
    if !is_right {
        let at = words.iter().position(|word| word.split('=').next() == Some(option))?;
        let value = words[at].split_once('=').map(|(_, value)| value).or(words.get(at + 1).map(String::as_str));
        let (Replaced::By(words), _) = replaced(option, value, command)? else { return None };
        return Some(format!("try: {}", words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")));
    }
    Some(format!("try: {}", rewritten.join(" ")))
}

fn is_known(command: &Command, option: &str) -> bool {
    let long = option.strip_prefix("--");
    let short = option.strip_prefix('-').and_then(|rest| rest.chars().next()).filter(|_| long.is_none());
    command.get_arguments().any(|argument| {
        long.is_some_and(|long| argument.get_long_and_visible_aliases().is_some_and(|longs| longs.contains(&long)))
            || short.is_some_and(|short| argument.get_short() == Some(short))
    }) || matches!(option, "--help" | "-h" | "--json")
}

/// Returns the replacement for another tool's option, and whether it consumes the value after the option.
fn replaced(option: &str, value: Option<&str>, command: &Command) -> Option<(Replaced, bool)> {
    let name = option.trim_start_matches('-').replace('-', "_").to_lowercase();
    let words = |text: String| (Replaced::By(text.split(' ').map(String::from).collect()), false);
    let known = |long: &&str| is_known(command, long.split(' ').next().unwrap_or_default());
    if let Some((_, own)) = OPTIONS.iter().find(|(names, own)| is_one_of(names, &name) && known(own)) {
        return Some(match (*own, value) {
            ("--device cuda", Some(number)) if number.parse::<u16>().is_ok() => {
                (Replaced::By(vec!["--device".into(), format!("cuda:{number}")]), true)
            }
            ("--runs" | "--jobs", Some(value)) => (Replaced::By(vec![(*own).into(), value.into()]), true),
            _ => words((*own).to_string()),
        });
    }
    let is_setting = is_known(command, "--set") && (name != "seed" || !is_known(command, "--seeds"));
    if let Some(found) = setting(&name, value).filter(|_| is_setting) {
        return Some(found);
    }
    let tip = NO_OPTIONS.iter().find(|(names, _)| is_one_of(names, &name)).map(|(_, tip)| Replaced::Tip((*tip).into()));
    let near = || {
        let own: Vec<&str> =
            command.get_arguments().filter(|argument| !argument.is_hide_set()).filter_map(clap::Arg::get_long).collect();
        let near = nearest(option.trim_start_matches('-'), own.iter().copied())?;
        Some(Replaced::Tip(format!("did you mean --{near}?")))
    };
    let near_setting = || {
        let paths = setting_paths(schema());
        let near = nearest(&name, paths.iter().map(|path| path.rsplit('.').next().unwrap_or_default()))?;
        is_known(command, "--set").then(|| setting(near, value)).flatten()
    };
    tip.or_else(near).map(|tip| (tip, false)).or_else(near_setting)
}

/// Returns the `--set` option for a setting that was given as an option of its own.
fn setting(name: &str, value: Option<&str>) -> Option<(Replaced, bool)> {
    let set = |path: &str, value: &str| Replaced::By(vec!["--set".into(), format!("{path}={value}")]);
    let paths = setting_paths(schema());
    // In an experiment file, these names are tables.
    let name = match name {
        "model" => "checkpoint",
        "data" => "data.source",
        other => other,
    };
    let own = || {
        let mut ends = paths.iter().filter(|path| *path == name || path.rsplit('.').next() == Some(name));
        ends.next().filter(|_| ends.next().is_none())
    };
    match equivalent(name) {
        Some(Equivalent::Same(path)) if paths.iter().any(|known| known == path) => Some((set(path, value.unwrap_or("…")), true)),
        Some(Equivalent::Switch(path, on)) => Some((set(path, on), value.is_some_and(is_truth))),
        Some(Equivalent::Other(path, values)) => Some((Replaced::Tip(format!("use --set {path}=…, which takes {values}")), true)),
        Some(Equivalent::Nothing(words)) => Some((Replaced::Tip(words.into()), false)),
        _ => own().map(|path| (set(path, value.unwrap_or("true")), true)),
    }
}

fn is_truth(value: &str) -> bool {
    matches!(value.to_lowercase().as_str(), "true" | "false" | "0" | "1")
}

/// Quotes a word for a shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./=,:@%+~…".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) { word.to_string() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the tips for a command line that is rejected.
    fn tips(line: &str) -> String {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let error = parse(&words).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
        let text = error.render().to_string();
        assert!(!text.contains("trial"), "{text}");
        text.lines().filter_map(|line| line.trim().strip_prefix("tip: ").map(String::from)).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn commands_of_other_tools_lead_to_the_command_here() {
        for (typed, meant) in [
            ("trian", "gluepot train"),
            ("comparee", "gluepot compare"),
            ("hpo", "gluepot sweep"),
            ("tune", "gluepot sweep"),
            ("rm", "gluepot prune"),
            ("clean", "gluepot prune"),
            ("status", "gluepot list"),
            ("info", "gluepot show"),
            ("score", "gluepot evaluate"),
            ("infer", "gluepot predict"),
            ("validate", "gluepot check"),
            ("x.toml", "gluepot run x.toml"),
        ] {
            let tips = tips(&format!("gluepot {typed}"));
            assert!(tips.contains(meant), "{typed}: {tips}");
        }
        assert_eq!(tips("gluepot zzzzz"), "");
    }

    #[test]
    fn aliases_are_commands() {
        let parsed = |line: &str| parse(&line.split(' ').map(OsString::from).collect::<Vec<_>>()).map(|cli| cli.command);
        assert!(matches!(parsed("gluepot train x.toml"), Ok(super::super::Command::Run(_))));
        assert!(matches!(parsed("gluepot ls"), Ok(super::super::Command::List(_))));
    }

    #[test]
    fn options_of_other_tools_are_written_as_they_are_here() {
        for (typed, meant) in [
            ("run x.toml --epochs 3 --lr=2e-5", "run x.toml --set epochs=3 --set learning_rate=2e-5"),
            ("run --bf16 x.toml", "run --set training.precision=bf16 x.toml"),
            ("run x.toml --bf16 true --quiet", "run x.toml --set training.precision=bf16 --quiet"),
            ("run x.toml --output-dir out --seed 3", "run x.toml --runs out --set seed=3"),
            ("run x.toml --model bert-base-uncased", "run x.toml --set checkpoint=bert-base-uncased"),
            ("run x.toml --gpu", "run x.toml --device cuda"),
            ("run x.toml --gpu 1", "run x.toml --device cuda:1"),
            ("check x.toml --per_device_train_batch_size 8", "check x.toml --set data.batch_size=8"),
            ("bench x.toml --max-seq-length 128", "bench x.toml --set data.max_length=128"),
            ("run x.toml --lerning-rate 3", "run x.toml --set learning_rate=3"),
            ("sweep x.toml --parallel 3 --fp32 1", "--jobs 3"),
            ("sweep x.toml --seed 3", "--seeds 1..5"),
            ("run x.toml --seeds 3", "gluepot sweep"),
            ("run x.toml --dry-run", "gluepot check"),
            ("run x.toml --fp16", "bf16"),
            ("run x.toml --report_to wandb", "metrics/*.csv"),
            ("run x.toml --quite", "--quiet"),
        ] {
            let tips = tips(&format!("gluepot {typed}"));
            assert!(tips.contains(meant), "{typed}: {tips}");
        }
        // There is no tip for an option that has no equivalent here.
        assert_eq!(tips("gluepot run x.toml --zzzzzzz 1 --lr 3"), "");
    }

    #[test]
    fn one_number_of_seeds_is_refused_with_both_readings() {
        let words = ["gluepot", "sweep", "x.toml", "--seeds", "3"].map(OsString::from);
        let text = parse(&words).unwrap_err().to_string();
        assert!(text.contains("1..3") && text.contains("3..3"), "{text}");
    }
}
