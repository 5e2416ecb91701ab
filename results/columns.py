"""What every column of every table of a run means, for the reference of the documentation."""

from __future__ import annotations

from collections.abc import Mapping

TABLES: Mapping[str, str] = {
    "table3.csv": "One row per method, TIM and protocol: what is printed. In percent, two decimals.",
    "per_fold.csv": "One row per planned unit. Shares of one.",
    "metrics.csv": "One row per method, TIM, protocol, database, selection, scope. Shares of one.",
    "baselines.csv": "One row per method and baseline. In percent and percentage points.",
    "statistics.csv": "One row per pair of methods of a protocol and TIM. In percent and points.",
    "optimism.csv": "One row per method, TIM and protocol: both selections. In percent and points.",
    "costs.csv": "One row per method, TIM and protocol.",
    "confusion.csv": "One row per method, TIM, protocol, database, selection and pair of classes.",
    "predictions.parquet": "One row per tested clip of every finished unit.",
}
"""File -> what a row is."""

EVERYWHERE: Mapping[str, str] = {
    "method": "name on the command line, with its settings where a run has it under several",
    "title": "the method's title in tables and figures",
    "role": "paper (a row of Table 3), extra or baseline",
    "tim": "frames of a clip after interpolation",
    "protocol": "name of the protocol, which deals the folds",
    "database": "name of the database; all: every one together",
    "headline": "what methods are judged by: mean (of folds), pooled (all clips) or uar",
    "folds": "number of folds, or how many of them are there, as 4 of 5 folds",
    "seeds": "number of seeds and repeated trainings that are averaged",
    "seed": "the seed",
    "draw": "number of the training on the same split, 0 for the first",
    "selection": "honest: candidates chosen on the training clips; paper-style: the best on each test fold",
    "truth": "the true class",
    "published": "the paper's mean of the same method and TIM, on its own data",
}
"""Columns that mean the same in every table."""

INTERVAL = "lower or upper end of the 95 % interval over people, with the part of the trainings"

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "table3.csv": {
        "fold*": "accuracy in this fold, averaged over seeds",
        "mean": "accuracy, mean of the folds; empty unless all are there",
        "low": f"of the mean: {INTERVAL}",
        "high": f"of the mean: {INTERVAL}",
        "seed_sd": "standard deviation of the headline over seeds and trainings; empty for one",
        "pooled": "accuracy over all clips together",
        "uf1": "unweighted F1 over all clips: mean over classes, of summed counts",
        "uar": "unweighted average recall over all clips",
        **{f"{name}_{end}": INTERVAL for name in ("pooled", "uf1", "uar") for end in ("low", "high")},
        "paper_style": "headline accuracy with the best candidate of each test fold",
        "optimism": "paper_style less the headline accuracy",
        "floor": "headline of the best baseline that sees no picture, on the same clips",
        "baseline": "name of that baseline",
        "note": "what the row is not, or not clearly, above; what is missing",
    },
    "per_fold.csv": {
        "fold": "number of the fold, from 1",
        "fold_name": "its name: fold1, or the person left out",
        "status": "done, failed, crashed, timeout, memory or missing",
        "n_train": "training clips",
        "n_test": "test clips",
        "correct": "test clips that are right",
        "accuracy": "their share",
        "uf1": "unweighted F1 in the fold",
        "uar": "unweighted average recall in the fold",
        "step_accuracy": "share of right frames, of methods that decide frame by frame",
        "candidate": "settings of the candidate chosen on the training clips, as JSON",
        "paper_style_correct": "right test clips of the candidate that has the most",
        "paper_style_accuracy": "their share",
        "paper_style_candidate": "that candidate's settings, as JSON",
        "optimism": "paper_style_accuracy less accuracy",
    },
    "metrics.csv": {
        "scope": "pooled: over all clips together; fold mean: mean of the folds",
        "clips": "test clips",
        "subjects": "people",
        "accuracy": "share of right clips",
        "uf1": "unweighted F1",
        "uar": "unweighted average recall",
        "macro_precision": "mean precision over classes",
        **{
            f"{name}_{end}": words
            for name in ("accuracy", "uf1", "uar", "macro_precision")
            for end, words in (
                ("low", INTERVAL),
                ("high", INTERVAL),
                ("seed_sd", "standard deviation over seeds and trainings"),
            )
        },
        "recall_*": "share of this class's clips that are right",
    },
    "baselines.csv": {
        "statistic": "the number compared: mean, pooled or uar",
        "value": "the method's number",
        "baseline": "the baseline: what follows from the labels alone, or a row that sees no picture",
        "baseline_value": "its number on the same clips",
        "gain": "value less baseline_value",
        "low": f"of the gain: {INTERVAL}",
        "high": f"of the gain: {INTERVAL}",
        "people": "people over whom the interval is",
        "verdict": "clearly above, not clearly above, not above, or too few people",
    },
    "statistics.csv": {
        "a": "first method",
        "b": "second method",
        "unit": "what is paired: fold or subject",
        "n": "distinct units; what seeds repeat on the same clips is averaged first",
        "mean_a": "mean accuracy of a over the units",
        "mean_b": "mean accuracy of b over the units",
        "difference": "mean of a less b",
        "low": "lower end of the 95 % interval of the difference",
        "high": "upper end of the 95 % interval of the difference",
        "effect_size": "mean difference by its standard deviation",
        "wins": "units in which a is better",
        "ties": "units in which both are equal",
        "losses": "units in which b is better",
        "p_paired_t": "p of the paired t-test over the units",
        "p_corrected_t": "p of the corrected resampled t-test (Nadeau and Bengio)",
        "p_sign_flip": "p of the sign-flip permutation test",
        "p_paper_t": "p of the paper's test: independent samples, equal variances, all TIM settings together",
        "test": "the test that decides here",
        "p": "its p",
        "p_holm": "p adjusted by Holm over all pairs of the protocol and TIM",
        "verdict": "which is better, no difference shown, identical, or why nothing is said",
    },
    "optimism.csv": {
        "candidates": "most candidates that a unit has",
        **{
            f"{prefix}{name}": f"{of}: {words}"
            for prefix, of in (("", "headline accuracy"), ("uf1_", "UF1"), ("uar_", "UAR"))
            for name, words in (
                ("honest", "candidate chosen on the training clips"),
                ("paper_style", "candidate with the most right clips of each test fold"),
                ("optimism", "gain of the second over the first"),
                ("optimism_low", INTERVAL),
                ("optimism_high", INTERVAL),
                ("best_single", "the best of the candidates, the same one in all folds"),
                ("best_candidate", "which one that is"),
            )
        },
    },
    "costs.csv": {
        "units": "finished units",
        "planned": "planned units",
        "prepare_seconds": "mean seconds per unit until its clips are open",
        "features_seconds": "mean seconds per unit for descriptors; later units find them in the cache",
        "fit_seconds": "mean seconds per unit for training",
        "predict_seconds": "mean seconds per unit for the test clips",
        "total_seconds": "seconds of all units together",
        "peak_memory_mb": "largest memory of a unit, in MB",
        "parameters": "numbers that a network learns; empty for other methods",
    },
    "confusion.csv": {
        "predicted": "the class that was decided",
        "count": "test clips, summed over folds and seeds",
    },
    "predictions.parquet": {
        "fold": "name of the fold",
        "subject": "the person, as database/subject",
        "clip": "the clip, as database/subject/clip",
        "honest": "class decided by the candidate chosen on the training clips",
        "paper_style": "class decided by the best candidate of the test fold",
        "score_*": "score of this class by the chosen candidate",
    },
}
"""File -> column -> meaning, beside `EVERYWHERE`; a star stands for a number or the name of a class."""
