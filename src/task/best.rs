//! The best score so far.

use super::metrics::Direction;

/// The best score of a metric so far, and what reached it: a step of a run or a trial of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Best<At = u64> {
    metric: String,
    direction: Direction,
    leader: Option<(At, Option<f64>)>,
}

impl<At: Copy> Best<At> {
    /// Creates a record without any score yet.
    #[must_use]
    pub fn new(metric: &str, direction: Direction) -> Self {
        Self { metric: metric.into(), direction, leader: None }
    }

    /// Records a score and returns whether it is the best so far. Of equal scores the first stays the best, and any score
    /// is better than `None`, which means that the metric is undefined.
    pub fn offer(&mut self, at: At, score: Option<f64>) -> bool {
        let improves = self.leader.is_none_or(|(_, best)| match (score, best) {
            (Some(score), Some(best)) => self.direction.improves(score, best),
            (score, best) => score.is_some() && best.is_none(),
        });
        if improves {
            self.leader = Some((at, score));
        }
        improves
    }

    /// Returns the metric whose scores are compared.
    #[must_use]
    pub fn metric(&self) -> &str {
        &self.metric
    }

    /// Returns what reached the best score; `None` before the first score.
    #[must_use]
    pub fn at(&self) -> Option<At> {
        self.leader.map(|(at, _)| at)
    }

    /// Returns the best score; `None` before the first score, or if the metric was always undefined.
    #[must_use]
    pub fn score(&self) -> Option<f64> {
        self.leader.and_then(|(_, score)| score)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_scores_stays_the_best() {
        for (direction, scores, improves, best) in [
            (Direction::Maximize, [0.5, 0.7, 0.7, 0.6], [true, true, false, false], (2, 0.7)),
            (Direction::Minimize, [0.5, 0.7, 0.3, 0.3], [true, false, true, false], (3, 0.3)),
        ] {
            let mut found = Best::new("loss", direction);
            let answers: Vec<bool> = (1_u64..).zip(scores).map(|(step, score)| found.offer(step, Some(score))).collect();
            assert_eq!(answers, improves);
            assert_eq!((found.at().unwrap(), found.score().unwrap()), best);
        }
    }

    #[test]
    fn any_score_is_better_than_one_that_is_undefined() {
        let mut found = Best::new("pearson", Direction::Maximize);
        assert!(found.offer(1_u64, None));
        assert!(!found.offer(2, None));
        assert_eq!((found.at(), found.score()), (Some(1), None));
        assert!(found.offer(3, Some(-0.5)));
        assert!(!found.offer(4, None));
        assert_eq!((found.at(), found.score()), (Some(3), Some(-0.5)));
    }
}
