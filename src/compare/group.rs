//! Runs grouped into variants, and the runs of each that count.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::columns::{counted, differing, shown_values};
use super::select::ComparedRun;
use crate::plan::shown;
use crate::runs::Status;
use crate::settings::properties;

/// Everything but the seed and what is grouped by: a group is averaged over several of these.
type Block = String;
type Cells<'a> = BTreeMap<(Block, u64), &'a ComparedRun>;

/// Runs of a variant.
#[derive(Default)]
pub(super) struct Group<'a> {
    /// All of them, the oldest first.
    pub runs: Vec<&'a ComparedRun>,
    /// Finished runs that count, by seed.
    pub counted: Vec<&'a ComparedRun>,
    /// Finished runs that repeat the training of a newer one.
    pub repeats: Vec<&'a ComparedRun>,
    /// Finished runs without a score of the metric.
    pub lacking: Vec<&'a ComparedRun>,
    /// Finished runs without counterparts in other groups.
    pub unmatched: Vec<&'a ComparedRun>,
    /// The newest run of each training that has no finished one.
    pub open: Vec<&'a ComparedRun>,
}

/// Other settings for which some group has no finished run, so that nothing can be compared like with like.
pub(super) struct Unmatched {
    /// Those settings.
    pub label: String,
    /// Groups without a finished run, by their place.
    pub without: Vec<usize>,
}

/// Groups, the one with the oldest run first.
pub(super) struct Grouped<'a> {
    /// At least one.
    pub groups: Vec<Group<'a>>,
    /// Combinations of other settings that are left out.
    pub unmatched: Vec<Unmatched>,
    /// Combinations of other settings that are averaged over.
    pub blocks: usize,
    /// Whether seeds of a group are averaged over different ones of them.
    pub uneven: bool,
}

/// Groups runs, which come in the order of time, by everything but their seed, or by some settings alone.
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

/// Values as a text that is the same for the same values, in the order of their paths.
fn text_of<'a>(values: impl Iterator<Item = (&'a String, &'a Value)>) -> String {
    let sorted: BTreeMap<&String, &Value> = values.collect();
    Value::Object(sorted.into_iter().map(|(path, value)| (path.clone(), value.clone())).collect()).to_string()
}

/// What a run's block is.
fn block_key<'b>(groups: &[Vec<&ComparedRun>], by: &'b [String]) -> impl Fn(&ComparedRun) -> Block + use<'b> {
    let other = move |run: &ComparedRun| text_of(run.deciding.iter().filter(|(path, _)| *path != "seed" && !by.contains(path)));
    // Names and the like have no effect of their own, and may each stand for one variant.
    let by_names = by.iter().all(|path| !properties().has_effect(path));
    let one_each = || groups.iter().all(|group| group.windows(2).all(|pair| other(pair[0]) == other(pair[1])));
    let has_one = by.is_empty() || (by_names && one_each());
    move |run| if has_one { Block::new() } else { other(run) }
}

/// The runs of a group by what becomes of them; a group has one finished run of each block and seed, the newest.
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

/// The runs that can be compared like with like: those in blocks of which every group has one.
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
        // Seeds that every group has in every block.
        pick(&|_, _, seed| scored().all(|cells| is_complete(cells, seed))),
        // Else pairs of a block and a seed that every group has.
        pick(&|_, block, seed| scored().all(|cells| cells.contains_key(&(block.clone(), seed)))),
        // Else each group's own seeds, where it has them in every block.
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
    /// How often the trainings without a finished run stand so.
    pub fn unfinished(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for run in &self.open {
            *counts.entry(standing(run.run.status())).or_default() += 1;
        }
        counts
    }

    /// Trainings that a sweep stopped early.
    pub fn pruned(&self) -> usize {
        self.open.iter().filter(|run| run.run.status() == Status::Pruned).count()
    }

    /// Trainings that will not finish by themselves, for whatever reason but a sweep's.
    pub fn failed(&self) -> usize {
        let may_finish = |status| matches!(status, Status::Running | Status::Interrupted | Status::Pruned);
        self.open.iter().filter(|run| !may_finish(run.run.status())).count()
    }
}

/// The status of a run without a summary.
pub(super) fn standing(status: Status) -> &'static str {
    if status == Status::Finished { "without a summary" } else { status.name() }
}
