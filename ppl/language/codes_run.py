"""E4xx, E6xx to E8xx and warnings: data, limits, calls and fits."""

from __future__ import annotations

from ppl.language.codes_entry import Entry

_DATA: dict[str, Entry] = {
    "E401": Entry(
        "the file lacks a column of the model",
        'Columns match by name, letter by letter. Map another header: `income: real = "Income (USD)"`.',
    ),
    "E402": Entry(
        "a cell is not of its column's type",
        """A real column holds plain numbers: no thousands separators, percent signs, currency or units.
        At most three cells are shown, with the lines they are on (the header is line 1).""",
    ),
    "E403": Entry(
        "a fractional count", "A count or int column holds whole numbers; 3.0 is read as 3, 2.5 is refused."
    ),
    "E404": Entry(
        "a blank cell in a column that may have none",
        """Drop those rows with `--drop-missing column`, or mark the column `real?` and say how it is
        distributed: then the missing cells are imputed.""",
    ),
    "E405": Entry(
        "an observation outside the support",
        """The distribution gives the value no probability, so no parameter could explain it: a zero under
        a Gamma, a 2 under a Bernoulli.""",
    ),
    "E406": Entry(
        "a broken key",
        "A foreign key points at a row that is not there, or a key or an `order` value occurs twice.",
    ),
    "E407": Entry(
        "a level that the fit has not seen",
        """New data hold a label for which there is no posterior. `--new-levels prior` draws its parameters
        from their prior, given the fit.""",
    ),
    "E408": Entry(
        "the data do not have the shape the model declares",
        "A size, a filter, the labels of a set or the lengths of arrays do not agree with each other.",
    ),
    "E409": Entry("a data file cannot be read", "It is missing, a folder, locked, or of another type."),
    "E410": Entry(
        "a damaged or malformed data file",
        "The place of the damage is shown: a short or long row, an unclosed quote, a cut-off archive.",
    ),
    "E450": Entry(
        "a checkpoint that cannot be read", "It is damaged, or no checkpoint. Fit without `--resume`."
    ),
    "E451": Entry(
        "a checkpoint of another fit",
        "The model, data, method or seed differ, so going on would mix two fits. Remove it, or drop `--resume`.",
    ),
}

_RUN: dict[str, Entry] = {
    "E601": Entry(
        "too large for the memory or the limits",
        """The size is worked out before anything is allocated. Raise the limit, use fewer rows, or write
        the model with fewer cells.""",
    ),
    "E600": Entry(
        "an internal error at a statement",
        "A bug in ppl met while the statement was evaluated, not a mistake of the model: please report it.",
    ),
    "E602": Entry(
        "a recurrence or a file that cannot be handled",
        "Recurrences run along the rows of one ordered plate; files must be where they can be written.",
    ),
    "E603": Entry("nothing to fit", "The model has no continuous latent and no `param`."),
    "E604": Entry(
        "a distribution that cannot be drawn from",
        "Improper priors (`Flat`) and `factor`s have no sampler: give the latent a proper prior.",
    ),
    "E605": Entry(
        "part of the language that no method fits yet",
        """External functions, unknown activations of networks and some guides are checked, but not run. The message
        names the one that stands in the way, and what to use meanwhile.""",
    ),
    "E606": Entry("a value is missing", "The log joint needs a value for every latent and param."),
    "E607": Entry(
        "a statement that a minibatch cannot estimate",
        """With `--batch` only some elements of a plate are looked at in each step, each standing for many.
        That is right for sums over independent rows; not for totals over all rows, nor for rows that read earlier
        ones, unless the plate's elements have whole sequences: `--batch sents=64` where a table has
        `sent: sents, t: order within sent`.""",
    ),
    "E608": Entry(
        "no factor of q fits",
        "Coordinate ascent, EM or a minibatch has no exact or drawn factor for a latent here: the message names the "
        "statement. Another method may fit the model.",
    ),
    "E701": Entry("no such file, or no such option", "The model comes first, then its data."),
    "E702": Entry("a file cannot be written, or a number makes no sense", "Choose another `--out` or value."),
    "E703": Entry(
        "a saved fit that cannot be used",
        "The file is damaged, was changed after saving, or comes from a newer version.",
    ),
    "E704": Entry("the model has no table of that name", "Tables are given as `name=file.csv`."),
    "E705": Entry("an option with a value that does not exist", "The message lists the values there are."),
    "E706": Entry(
        "a simulation lacks data it starts from", "Give a file with the columns that are not drawn."
    ),
    "E801": Entry(
        "the fit broke down",
        "The density or its gradient was not finite and no smaller step helped; the message names where.",
    ),
    "E802": Entry("the fit holds no draws", "It failed, or was saved without any; fit again."),
    "E803": Entry(
        "an update went the wrong way",
        """Every update of coordinate ascent and of expectation maximisation raises its objective. Where one
        lowers it, the program is wrong, not the model: please report it.""",
    ),
}

_WARNINGS: dict[str, Entry] = {
    "W601": Entry(
        "legal, and rarely meant",
        """A column or value that is never used; an improper prior; members of a set that nothing tells
        apart; a predictor that is constant, or of a very large scale. The fit goes on.""",
        "table rows(x: real, y: real)\ny[i] ~ Normal(0, 1) for i in rows",
        "table rows(y: real)\ny[i] ~ Normal(0, 1) for i in rows",
    ),
    "W602": Entry(
        "something odd in the data", "Repeated rows, gaps in an order, nameless columns, lost digits."
    ),
    "W701": Entry("the fit did not converge", "Its numbers are where it stopped, not the answer."),
    "W702": Entry("the fit was stopped", "By a time limit or an interruption; it can be resumed."),
    "W703": Entry(
        "draws without a finite density", "The posterior reaches into places where the model breaks down."
    ),
    "W704": Entry(
        "fresh draws put the optimum elsewhere", "The draws that were optimised over were too few."
    ),
    "W705": Entry(
        "the answer depends on the draws", "Two sets of draws give different answers: raise `--max-draws`."
    ),
    "W706": Entry(
        "the approximation is a poor stand-in",
        """k-hat measures how heavy the tails of the importance weights are; above its limit the
        approximation misses part of the posterior.""",
    ),
    "W707": Entry("local latents are approximated less well", "The global ones are fine by themselves."),
    "W708": Entry(
        "importance weights disagree", "Reweighted draws have another mean or sd than the fit reports."
    ),
    "W709": Entry("sds may be too small", "An independent Gaussian ignores correlation, which narrows it."),
    "W710": Entry("sds were widened", "By linear response, which puts back what independence left out."),
    "W711": Entry("told only in combination", "The data settle a sum or difference, hardly its parts."),
    "W712": Entry("over-fitted draws", "The objective on its own draws is far better than on fresh ones."),
    "W713": Entry("posterior mass far from the fit", "There may be another mode."),
    "W714": Entry("starts end in different places", "There may be a better fit than the best one found."),
    "W715": Entry("data against the prior", "The posterior lies where the prior puts no mass: one is wrong."),
    "W716": Entry(
        "a point estimate at the edge of its support",
        """A `param` has no prior, and the likelihood may have no maximum inside: a component of a mixture
        dies, or shrinks to one datum. Give it a prior with `~`.""",
    ),
    "W717": Entry(
        "heavy tails", "The draws' tails are so heavy that means and sds say little; read the quantiles."
    ),
    "W718": Entry(
        "k-hat was not computed",
        """Weighing draws needs the density of many of them: too slow, too many coordinates, or factors that
        hold discrete latents. The sds of independent factors are lower bounds, and how far to believe the fit
        is not known: compare with another method. Where single elements have a k-hat it is a remark.""",
    ),
    "W719": Entry(
        "a component is given up",
        """No row is in it, or its scale shrank to next to nothing around a single datum. Take fewer
        components, or give the scale a prior.""",
    ),
    "W720": Entry(
        "the ELBO or the claim of exactness is off",
        "Draws contradict what the method says of its own result: a bug in ppl, please report it.",
    ),
    "W725": Entry(
        "a gradient drowns in noise",
        """One step's estimate of a score-function gradient is ten times noisier than the slope that an error
        of one sd would give. Take more draws in each step, or write the sum over states out.""",
    ),
    "W726": Entry(
        "a learnt posterior is not calibrated",
        """Over fresh simulations of the model its 90 % intervals hold the truth too rarely or too often. Train
        longer, or on more simulations.""",
    ),
    "W727": Entry(
        "the data lie outside what the prior simulates",
        """A network knows only what it was shown. Widen the priors, or look for a mistake in the data or in the
        model: `ppl simulate` draws what they imply.""",
    ),
    "W728": Entry(
        "k-hat element by element",
        """The latents of some single elements of a plate are weighed, all others held at one point of q: quantiles of
        their k-hats, and how far weighing lifts the bound. A warning where most are above the limit.""",
    ),
    "W729": Entry(
        "elements were held out of the fit",
        """`--validate` keeps elements of a plate from the search and ends it where the bound on these no longer rises.
        q has not seen them; the ELBO that is reported is that of all data.""",
    ),
    "W723": Entry(
        "what a code costs",
        """The ELBO as two costs of a row: distortion, minus its expected log likelihood, and rate, the divergence
        of its latents from their prior. A unit whose mean hardly varies over rows carries nothing.""",
    ),
}

RUN: dict[str, Entry] = {**_DATA, **_RUN, **_WARNINGS}
