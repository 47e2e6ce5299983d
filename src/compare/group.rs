//! Grouping of runs into variants, and which runs of each variant count.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::columns::{counted, differing, shown_values};
use super::select::ComparedRun;
use crate::plan::shown;
use crate::runs::Status;
use crate::settings::properties;

/// The values of all settings except the seed and those grouped by. A group's scores are averaged over several blocks.
type Block = String;
type Cells<'a> = BTreeMap<(Block, u64), &'a ComparedRun>;

/// The runs of a variant.
#[derive(Default)]
pub(super) struct Group<'a> {
    /// All runs, oldest first.
    pub runs: Vec<&'a ComparedRun>,
    /// Finished runs that count, ordered by seed.
    pub counted: Vec<&'a ComparedRun>,
    /// Finished runs that a newer run of the same trial repeats.
    pub repeats: Vec<&'a ComparedRun>,
    /// Finished runs without a score for the metric.
    pub lacking: Vec<&'a ComparedRun>,
    /// Finished runs without counterparts in other groups.
    pub unmatched: Vec<&'a ComparedRun>,
    /// The newest run of each trial that has no finished run.
    pub open: Vec<&'a ComparedRun>,
}

/// A combination of other settings for which some group has no finished run, so that groups cannot be compared on it.
pub(super) struct Unmatched {
    /// The combination in words.
    pub label: String,
    /// Indices of the groups without a finished run.
    pub without: Vec<usize>,
}

/// Groups, ordered by their oldest run.
pub(super) struct Grouped<'a> {
    /// At least one.
    pub groups: Vec<Group<'a>>,
    /// Combinations of other settings that are left out.
    pub unmatched: Vec<Unmatched>,
    /// Number of combinations of other settings that are averaged over.
    pub blocks: usize,
    /// Whether the seeds of some group are averaged over different combinations.
    pub uneven: bool,
}

/// Groups runs, given in chronological order, by everything except their seed, or only by the settings in `by`.
pub(super) fn group<'a>(runs: &[&'a ComparedRun], by: &[String], metric: &str) -> Grouped<'a> {
    let key = |run: &ComparedRun| {
        if by.is_empty() {
            text_of(run.deciding.iter().filter(|(path, _)| *path != "seed"))
        } else {
            text_of(by.iter().filter_map(|path| Some((path, counted(run, path)?))))
        }
    };
    let mut grouped: BTreeMap<String, Vec<&ComparedRun>> = BTreeMap::new();
    for run in runs {
        grouped.entry(key(run)).or_default().push(run);
    }
    let mut groups: Vec<Vec<&ComparedRun>> = grouped.into_values().collect();
    groups.sort_by_key(|group| group.iter().map(|run| run.run.facts.started).min());
    let block = block_key(&groups, by);
    let (mut groups, cells): (Vec<Group>, Vec<Cells>) = groups.into_iter().map(|runs| sorted(runs, &block, metric)).unzip();
    let kept = if by.is_empty() { cells.clone() } else { matched(&cells) };
    for ((group, cells), kept) in groups.iter_mut().zip(&cells).zip(&kept) {
        let mut counted: Vec<(&(Block, u64), &&ComparedRun)> = kept.iter().collect();
        counted.sort_by_key(|((_, seed), _)| *seed);
        group.counted = counted.into_iter().map(|(_, run)| *run).collect();
        group.unmatched = cells.iter().filter(|(cell, _)| !kept.contains_key(*cell)).map(|(_, run)| *run).collect();
    }
    let (blocks, uneven) = (blocks(&kept).len(), kept.iter().any(is_uneven));
    Grouped { unmatched: unmatched(&cells, &kept, by), groups, blocks, uneven }
}

/// Serializes values, ordered by path, to a text that is equal for equal values.
pub(super) fn text_of<'a>(values: impl Iterator<Item = (&'a String, &'a Value)>) -> String {
    let sorted: BTreeMap<&String, &Value> = values.collect();
    Value::Object(sorted.into_iter().map(|(path, value)| (path.clone(), value.clone())).collect()).to_string()
}

/// Returns the function that computes a run's block.
fn block_key<'b>(groups: &[Vec<&ComparedRun>], by: &'b [String]) -> impl Fn(&ComparedRun) -> Block + use<'b> {
    let other = move |run: &ComparedRun| text_of(run.deciding.iter().filter(|(path, _)| *path != "seed" && !by.contains(path)));
    // Settings without an effect, such as names, may each stand for a single variant.
    let by_names = by.iter().all(|path| !properties().has_effect(path));
    let one_each = || groups.iter().all(|group| group.windows(2).all(|pair| other(pair[0]) == other(pair[1])));
    let has_one = by.is_empty() || (by_names && one_each());
    move |run| if has_one { Block::new() } else { other(run) }
}

/// Sorts the runs of a group by how they count; for each block and seed, the newest finished run counts.
fn sorted<'a>(runs: Vec<&'a ComparedRun>, block: &impl Fn(&ComparedRun) -> Block, metric: &str) -> (Group<'a>, Cells<'a>) {
    let (mut group, mut cells, mut open) = (Group::default(), Cells::new(), Cells::new());
    for run in &runs {
        let cell = (block(run), run.run.facts.seed);
        match &run.run.summary {
            None => drop(open.insert(cell, *run)),
            Some(summary) if !summary.best.scores.contains_key(metric) => group.lacking.push(run),
            Some(_) => group.repeats.extend(cells.insert(cell, *run)),
        }
    }
    group.open = open.into_iter().filter(|(cell, _)| !cells.contains_key(cell)).map(|(_, run)| run).collect();
    group.runs = runs;
    (group, cells)
}

/// Returns the runs that can be compared like with like: those in blocks for which every group has a run.
fn matched<'a>(cells: &[Cells<'a>]) -> Vec<Cells<'a>> {
    let scored = || cells.iter().filter(|cells| !cells.is_empty());
    let blocks_of = |cells: &Cells| cells.keys().map(|(block, _)| block.clone()).collect::<BTreeSet<_>>();
    let blocks = scored().map(blocks_of).reduce(|kept, blocks| &kept & &blocks).unwrap_or_default();
    let is_complete = |cells: &Cells, seed: u64| blocks.iter().all(|block| cells.contains_key(&(block.clone(), seed)));
    let pick = |keep: &dyn Fn(&Cells, &Block, u64) -> bool| -> Vec<Cells<'a>> {
        let picked = |all: &Cells<'a>| {
            let cells = all.iter().filter(|((block, seed), _)| blocks.contains(block) && keep(all, block, *seed));
            cells.map(|(cell, run)| (cell.clone(), *run)).collect()
        };
        cells.iter().map(picked).collect()
    };
    let choices = [
        // Seeds for which every group has a run in every block.
        pick(&|_, _, seed| scored().all(|cells| is_complete(cells, seed))),
        // Otherwise, pairs of a block and a seed that every group has.
        pick(&|_, block, seed| scored().all(|cells| cells.contains_key(&(block.clone(), seed)))),
        // Otherwise, each group's own seeds for which it has a run in every block.
        pick(&|cells, _, seed| is_complete(cells, seed)),
    ];
    let fewest = |choice: &[Cells]| {
        let seeds = |cells: &Cells| cells.keys().map(|(_, seed)| *seed).collect::<BTreeSet<_>>().len();
        choice.iter().zip(cells).filter(|(_, all)| !all.is_empty()).map(|(kept, _)| seeds(kept)).min().unwrap_or(0)
    };
    let several = choices.iter().find(|choice| fewest(choice) > 1);
    several.or_else(|| choices.iter().find(|choice| fewest(choice) > 0)).cloned().unwrap_or_else(|| choices[0].clone())
}

fn blocks(cells: &[Cells]) -> BTreeSet<Block> {
    cells.iter().flat_map(|cells| cells.keys().map(|(block, _)| block.clone())).collect()
}

fn is_uneven(cells: &Cells) -> bool {
    let mut by_seed: BTreeMap<u64, BTreeSet<&Block>> = BTreeMap::new();
    for (block, seed) in cells.keys() {
        by_seed.entry(*seed).or_default().insert(block);
    }
    let mut blocks = by_seed.values();
    blocks.next().is_some_and(|first| blocks.any(|other| other != first))
}

fn unmatched(cells: &[Cells], kept: &[Cells], by: &[String]) -> Vec<Unmatched> {
    let (all, kept) = (blocks(cells), blocks(kept));
    let first = |block: &Block| cells.iter().flatten().find(|((other, _), _)| other == block).map(|(_, run)| *run);
    let runs: Vec<&ComparedRun> = all.iter().filter_map(first).collect();
    let is_other = |path: &str| path != "seed" && properties().has_effect(path) && !by.iter().any(|own| own == path);
    let columns = differing(&runs, is_other);
    let labels = shown_values(&runs, &columns);
    let scored: Vec<usize> = (0..cells.len()).filter(|index| !cells[*index].is_empty()).collect();
    let has = |index: usize, block: &Block| cells[index].keys().any(|(other, _)| other == block);
    let of_block = |(block, values): (&Block, BTreeMap<String, Value>)| {
        let words: Vec<String> = values.iter().map(|(path, value)| format!("{path} {}", shown(Some(value)))).collect();
        let without = scored.iter().copied().filter(|index| !has(*index, block)).collect();
        Unmatched { label: words.join(", "), without }
    };
    all.iter().zip(labels).filter(|(block, _)| !kept.contains(*block)).map(of_block).collect()
}

impl Group<'_> {
    /// Counts the trials without a finished run, by status.
    pub fn unfinished(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for run in &self.open {
            *counts.entry(standing(run.run.status())).or_default() += 1;
        }
        counts
    }

    /// Returns the number of trials that a sweep stopped early.
    pub fn pruned(&self) -> usize {
        self.open.iter().filter(|run| run.run.status() == Status::Pruned).count()
    }

    /// Returns the number of trials that will not finish on their own, except those that a sweep stopped.
    pub fn failed(&self) -> usize {
        let may_finish = |status| matches!(status, Status::Running | Status::Interrupted | Status::Pruned);
        self.open.iter().filter(|run| !may_finish(run.run.status())).count()
    }
}

/// Describes the status of a run without a summary.
pub(super) fn standing(status: Status) -> &'static str {
    if status == Status::Finished { "without a summary" } else { status.name() }
}
