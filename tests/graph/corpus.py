"""Small models, one construct of the language each, with tiny data."""

from __future__ import annotations

from tests.graph.make import Case

Y = "y\n0.3\n-1.2\n0.8\n2.1\n"
TY = "t,y\n1,0.3\n2,-1.2\n3,0.8\n4,2.1\n5,0.4\n6,-0.6\n"
XY = "x,y\n0.5,0.3\n-1,-1.2\n2,0.8\n0.1,2.1\n"
GROUPED = "g,t,y\nb,1,0.3\na,1,-1.2\nb,2,0.8\na,2,2.1\nb,3,0.4\na,3,-0.6\nb,4,1.5\n"
PAIRS = "a,b,y\nu,p,0.3\nv,p,-1.2\nu,q,0.8\nw,q,2.1\nw,p,0.4\n"


def case(name: str, text: str, givens: str = "", counts: int = 0, **tables: str) -> Case:
    return Case(name, text, tables, givens, counts)


CONTINUOUS = [
    case(
        "eight_schools",
        """
table schools(effect: real, se: positive)
mu  ~ Normal(0, 5)
tau ~ HalfCauchy(5)
for j in schools:
    theta[j]  ~ Normal(mu, tau)
    effect[j] ~ Normal(theta[j], se[j])
""",
        schools="effect,se\n28,15\n8,10\n-3,16\n7,11\n",
    ),
    case(
        "groups_by_column",
        """
index A, B
table rows(a: A, b: B, y: real)
sa ~ HalfNormal(1)
sb ~ HalfNormal(1)
u[i] ~ Normal(0, sa) for i in A
v[j] ~ Normal(0, sb) for j in B
w[i, j] ~ Normal(0, 1) for i in A, j in B
s ~ HalfNormal(1)
y[n] ~ Normal(u[a[n]] + v[b[n]] + w[a[n], b[n]], s) for n in rows
""",
        rows=PAIRS,
    ),
    case(
        "transposed_axes",
        """
index A, B
table rows(a: A, b: B, y: real)
w[B, i] ~ Normal(0, 1) for i in A
s ~ HalfNormal(1)
y[n] ~ Normal(w[b[n], a[n]] + sum(w[j, a[n]] for j in B), s) for n in rows
""",
        rows=PAIRS,
    ),
    case(
        "plate_and_event",
        """
index A, B
table rows(a: A, b: B, y: real)
p[i, B] ~ Dirichlet(2) for i in A
m[B] ~ Normal(0, 1)
y[n] ~ Normal(p[a[n], b[n]] + m[b[n]], 1) for n in rows
b[n] ~ Categorical(p[a[n]]) for n in rows
""",
        rows=PAIRS,
    ),
    case(
        "ragged_of",
        """
index G
table rows(g: G, y: real, x: real)
m ~ Normal(0, 1)
for k in G:
    soil[k] = mean(x[n] for n in rows of k)
    a[k] ~ Normal(m * soil[k], 1)
    ssq[k] = sum(square(y[n] - a[k]) for n in rows of k)
    factor -ssq[k]
y[n] ~ Normal(a[g[n]], 1) for n in rows
""",
        rows="g,x,y\nb,0.1,1\na,0.4,2\nb,-2,0.5\nc,1,1\na,0.3,-1\n",
    ),
    case(
        "ragged_plate",
        """
index G
table rows(g: G, y: real, x: real)
a[k] ~ Normal(0, 1) for k in G
for k in G:
    for n in rows of k:
        y[n] ~ Normal(a[k] * x[n], 1)
""",
        rows="g,x,y\nb,0.1,1\na,0.4,2\nb,-2,0.5\nc,1,1\na,0.3,-1\n",
    ),
    case(
        "ragged_by",
        """
table people(id: key)
table games(home: people, away: people, y: real)
s[p] ~ Normal(0, 1) for p in people
for p in people:
    total[p] = sum(s[away[m]] * y[m] for m in games of p by home)
    0.5 ~ Normal(total[p], 1)
y[m] ~ Normal(s[home[m]] - s[away[m]], 1) for m in games
""",
        people="id\nx\ny\nz\n",
        games="home,away,y\nx,y,1\ny,z,0.2\nx,z,2\n",
    ),
    case(
        "ragged_reductions",
        """
index G
table rows(g: G, y: real)
a[n] ~ Normal(0, 1) for n in rows
for k in G:
    top[k] = max(a[n] for n in rows of k)
    low[k] = min(a[n] for n in rows of k)
    soft[k] = logsumexp(a[n] for n in rows of k)
    times[k] = prod(a[n] for n in rows of k)
    1 ~ Normal(top[k] + low[k] * soft[k] + times[k], 1)
y[n] ~ Normal(a[n], 1) for n in rows
""",
        rows="g,y\nb,1\na,2\nb,0.5\nc,1\na,-1\n",
    ),
    case(
        "ragged_vectors",
        """
index G, feats = 2
table rows(g: G, y: real)
w[n, feats] ~ Normal(0, 1) for n in rows
for k in G:
    total[k, f] = sum(w[n, f] for n in rows of k) for f in feats
    1 ~ Normal(sum(total[k]), 1)
y[n] ~ Normal(sum(w[n]), 1) for n in rows
""",
        rows="g,y\nb,1\na,2\nb,0.5\n",
    ),
    case(
        "two_level_of",
        """
index sents, tags, feats
table words(id: key, sent: sents, tag: tags)
table active(word: words, feat: feats)
w[f, k] ~ Normal(0, 1) for f in feats, k in tags
for n in words:
    score[n, k] = sum(w[feat[a], k] for a in active of n) for k in tags
    tag[n] ~ Categorical(logit = score[n])
""",
        words="id,sent,tag\nw1,s1,N\nw2,s1,V\nw3,s2,N\nw4,s2,D\n",
        active="word,feat\nw1,cap\nw3,low\nw1,low\nw4,cap\n",
    ),
    case(
        "filtered_plate",
        """
table rows(x: real, y: real)
b ~ Normal(0, 1)
y[i] ~ Normal(b * x[i], 1) for i in rows if x[i] > 0
""",
        rows=XY,
    ),
    case(
        "filtered_nested",
        """
index A = 3, B = 3
table rows(a: A, b: B, y: real)
w[i, j] ~ Normal(0, 1) for i in A, j in B if position(i) < position(j)
y[n] ~ Normal(w[a[n], b[n]], 1) for n in rows
""",
        rows="a,b,y\n1,2,0.4\n1,3,0.1\n2,3,1\n1,2,2\n",
    ),
    case(
        "filtered_sum",
        """
index A = 4
table rows(a: A, y: real)
w[i] ~ Normal(0, 1) for i in A
y[n] ~ Normal(sum(w[i] for i in A if position(i) <= position(a[n])), 1) for n in rows
""",
        rows="a,y\n1,0.4\n3,0.1\n2,1\n4,2\n",
    ),
    case(
        "filtered_ragged",
        """
index G
table rows(g: G, y: real, x: real)
a[n] ~ Normal(0, 1) for n in rows
for k in G:
    1 ~ Normal(sum(a[n] * x[n] for n in rows of k if x[n] > 0), 1)
y[n] ~ Normal(a[n], 1) for n in rows
""",
        rows="g,x,y\nb,0.1,1\na,0.4,2\nb,-2,0.5\nc,-1,1\na,0.3,-1\n",
    ),
    case(
        "empty_sum",
        """
index A = 3
table rows(a: A, y: real)
w[i] ~ Normal(0, 1) for i in A
y[n] ~ Normal(sum(w[i] for i in A if position(i) < position(a[n])) + prod(w[i] for i in A if position(i) > 9), 1) for n in rows
""",
        rows="a,y\n1,0.4\n3,0.1\n2,1\n",
    ),
    case(
        "derived_filtered",
        """
index feats = ["one", "two", "three"]
index slopes = [k for k in feats if position(k) > 1]
table rows(f: feats, y: real)
a[k] ~ Normal(0, 1) for k in slopes
effect[f2] = 0 if first(f2) else a[f2] for f2 in feats
y[n] ~ Normal(effect[f[n]], 1) for n in rows
""",
        rows="f,y\none,0.1\nthree,2\ntwo,1\nthree,0.5\n",
    ),
    case(
        "gaps",
        """
index grades = ["low", "mid", "high"]
index cuts = gaps(grades)
table rows(x: real, g: grades)
cut[cuts] ~ Ordered(Normal(0, 2))
b ~ Normal(0, 1)
g[n] ~ OrderedLogistic(b * x[n], cut) for n in rows
""",
        rows="x,g\n0.1,low\n1,high\n2,mid\n-1,mid\n",
    ),
    case(
        "pairs",
        """
index teams = ["a", "b", "c"]
index duels = pairs(teams)
table rows(y: real)
s[t] ~ Normal(0, 1) for t in teams
m ~ Normal(0, 1)
d[p] ~ Normal(m, 1) for p in duels
y[n] ~ Normal(sum(d[p] for p in duels) + sum(s), 1) for n in rows
""",
        rows=Y,
    ),
    case(
        "lag_one",
        """
table series(t: order, y: real)
a ~ Normal(0, 1)
b ~ Normal(0, 1)
s ~ HalfNormal(1)
y[i] ~ Normal(a if first(i) else a + b * y[i-1], s) for i in series
""",
        series="t,y\n3,0.8\n1,0.3\n2,-1.2\n4,2.1\n",
    ),
    case(
        "lag_k_sum",
        """
index lags = 2
table series(t: order, y: real)
b[lags] ~ Normal(0, 1)
y[i] ~ Normal(sum(b[k] * y[i-k] for k in lags), 1) for i in series if position(i) > 2
""",
        series=TY,
    ),
    case(
        "lag_one_grouped",
        """
index G
table series(g: G, t: order within g, y: real)
b ~ Normal(0, 1)
for i in series:
    y[i] ~ Normal(0 if first(i) else b * y[i-1] + (1 if last(i) else 0) * position(i), 1)
""",
        series=GROUPED,
    ),
    case(
        "distribution_choice",
        """
table series(t: order, y: real)
b ~ Normal(0, 1)
s ~ HalfNormal(1)
y[i] ~ Normal(0, 9) if first(i) else StudentT(4, b * y[i-1], s) for i in series
""",
        series=TY,
    ),
    case(
        "random_walk",
        """
table series(t: order, y: real)
s ~ HalfNormal(1)
for i in series:
    level[i] ~ Normal(0, 1) if first(i) else Normal(level[i-1], s)
    y[i] ~ Normal(level[i], 1)
""",
        series=TY,
    ),
    case(
        "random_walk_grouped",
        """
index G
table series(g: G, t: order within g, y: real)
s ~ HalfNormal(1)
for i in series:
    level[i] ~ Normal(0 if first(i) else level[i-1], s)
    y[i] ~ Normal(level[i], 1)
""",
        series=GROUPED,
    ),
    case(
        "second_order_walk",
        """
index T = 5
table rows(t: T, y: real)
s ~ HalfNormal(1)
level[i] ~ Normal(0 if position(i) <= 2 else 2 * level[i-1] - level[i-2], s) for i in T
y[n] ~ Normal(level[t[n]], 1) for n in rows
""",
        rows="t,y\n1,0.4\n3,0.1\n2,1\n5,2\n4,1\n5,0\n",
    ),
    case(
        "literal_subscripts",
        """
index K = 3, F = ["a", "b"]
table rows(y: real)
m[K] ~ Normal(0, 1)
w[F, K] ~ Normal(0, 1)
y[n] ~ Normal(m[1] + m[3] * w["a", 2] + w["b"][1], 1) for n in rows
""",
        rows=Y,
    ),
    case(
        "diagonal",
        """
index K = 3
table rows(k: K, y: real)
A[i, j] ~ Normal(0, 1) for i in K, j in K
y[n] ~ Normal(A[k[n], k[n]] + sum(A[i, i] for i in K) + sum(A[i, k[n]] for i in K), 1) for n in rows
""",
        rows="k,y\n1,0.4\n3,0.1\n2,1\n",
    ),
    case(
        "batched_gather",
        """
index M = 2, L = 3
table rows(y: real, c[M]: L = "c_*")
level[m, l] ~ Normal(0, 1) for m in M, l in L
y[n] ~ Normal(sum(level[m, c[n, m]] for m in M), 1) for n in rows
""",
        rows="y,c_1,c_2\n0.4,1,3\n0.1,2,2\n1,3,1\n",
    ),
    case(
        "nested_gather",
        """
index A, B
table rows(a: A, y: real)
table links(c: A, b: B)
u[j] ~ Normal(0, 1) for j in B
for i in A:
    m[i] = mean(u[b[l]] for l in links of i)
y[n] ~ Normal(m[a[n]], 1) for n in rows
""",
        rows="a,y\nx,0.4\ny,0.1\nx,1\n",
        links="c,b\nx,p\nx,q\ny,q\n",
    ),
    case(
        "vector_normal",
        """
index F = 2, G
table rows(g: G, x[F]: real = "x_*", y: real)
m[F] ~ Normal(0, 1)
sd[F] ~ HalfNormal(1)
R[F, F'] ~ LKJ(2)
for g2 in G:
    b[g2, F] ~ MultivariateNormal(m, cov = diag(sd) @ R @ diag(sd))
y[n] ~ Normal(dot(b[g[n]], x[n]), 1) for n in rows
""",
        rows="g,x_1,x_2,y\np,1,0.3,1\nq,1,2,0.3\np,1,-1,2\n",
    ),
    case(
        "mvn_data",
        """
index F = 2
table rows(x[F]: real = "x_*")
m[F] ~ Normal(0, 1)
L[F, F'] ~ LKJCholesky(1.5)
sd[F] ~ HalfNormal(1)
x[n, F] ~ MultivariateNormal(m, scale_tril = diag(sd) @ L) for n in rows
""",
        rows="x_1,x_2\n1,0.3\n1,2\n0.4,-1\n",
    ),
    case(
        "wishart",
        """
index F = 2
table rows(x[F]: real = "x_*")
S[F, F'] ~ InverseWishart(4, [[1, 0.2], [0.2, 2]])
x[n, F] ~ MultivariateNormal(0, cov = S) for n in rows
""",
        rows="x_1,x_2\n1,0.3\n1,2\n0.4,-1\n",
    ),
    case(
        "iid_event",
        """
index F = 3
table rows(x[F]: real = "x_*", c[F]: count = "c_*")
m[F] ~ Normal(0, 1)
s ~ HalfNormal(1)
r[F] ~ Gamma(2, 2)
x[n, F] ~ Normal(m, s) for n in rows
c[n, F] ~ Poisson(r) for n in rows
""",
        rows="x_1,x_2,x_3,c_1,c_2,c_3\n1,0.3,2,3,0,1\n1,2,1,0,0,4\n",
    ),
    case(
        "multinomial",
        """
index F = 3
table rows(c[F]: count = "c_*")
p[F] ~ Dirichlet([1, 2, 3])
c[n, F] ~ Multinomial(sum(c[n]), p) for n in rows
""",
        rows="c_1,c_2,c_3\n3,0,1\n0,0,4\n",
    ),
    case(
        "uniform_latent_bounds",
        """
table rows(y: real)
a ~ Uniform(0, 1)
b ~ Uniform(0, 1 - a)
c ~ Uniform(-b, a)
y[n] ~ Normal(a + 2 * b + c, 1) for n in rows
""",
        rows=Y,
    ),
    case(
        "uniform_plate_bounds",
        """
index K = 3
table rows(k: K, y: real)
top[i] ~ HalfNormal(1) for i in K
u[i] ~ Uniform(0, top[i]) for i in K
y[n] ~ Normal(u[k[n]], 1) for n in rows
""",
        rows="k,y\n1,0.4\n3,0.1\n2,1\n",
    ),
    case(
        "truncated",
        """
table rows(y: real)
m ~ Normal(0, 1)
s ~ Truncated(Normal(m, 1), lower = 0.2)
u ~ Truncated(StudentT(4, 0, 1), lower = m - 1, upper = m + 2)
y[n] ~ Truncated(Normal(u, s), lower = -2) for n in rows
""",
        rows=Y,
    ),
    case(
        "censored_data_bound",
        """
table rows(t: positive, limit: positive)
k ~ HalfNormal(1)
r ~ HalfNormal(1)
t[n] ~ Censored(Weibull(k + 0.5, r + 0.5), upper = limit[n]) for n in rows
""",
        rows="t,limit\n1,2\n2,2\n0.3,5\n",
    ),
    case(
        "mixture_wrapper",
        """
index K = 2
table rows(y: real)
w[K] ~ Dirichlet(1)
m[K] ~ Ordered(Normal(0, 3))
y[n] ~ Mixture(w, [Normal(m[1], 1), StudentT(3, m[2], 2)]) for n in rows
""",
        rows=Y,
    ),
    case(
        "zero_inflated",
        """
index G
table rows(g: G, c: count, e: positive)
r[k] ~ Gamma(2, 1) for k in G
z ~ Beta(1, 1)
c[n] ~ ZeroInflated(Poisson(r[g[n]] * e[n]), z) for n in rows
""",
        rows="g,c,e\na,0,1\nb,3,2\na,2,0.5\n",
    ),
    case(
        "ordered_truncated",
        """
index states = 3
table rows(s: states, y: real)
centre ~ Normal(0, 1)
phi[states] ~ Ordered(Normal(0, 1))
top[states] ~ Ordered(Exponential(1))
y[n] ~ Normal(phi[s[n]] + top[s[n]] + centre, 1) for n in rows
""",
        rows="s,y\n1,0.4\n3,0.1\n2,1\n",
    ),
    case(
        "zero_sum",
        """
index F = 3
table rows(f: F, y: real)
s ~ HalfNormal(1)
e[F] ~ ZeroSumNormal(s)
y[n] ~ Normal(e[f[n]], 1) for n in rows
""",
        rows="f,y\n1,0.4\n3,0.1\n2,1\n",
    ),
    case(
        "missing_real",
        """
table people(height: real?, weight: real)
mu ~ Normal(1, 2)
s ~ HalfNormal(2)
b ~ Normal(0, 1)
for i in people:
    height[i] ~ Normal(mu, s)
    weight[i] ~ Normal(b * height[i], 1)
""",
        people="height,weight\n1.2,3\n,2\n0.4,1\n,0.3\n",
    ),
    case(
        "missing_positive_lag",
        """
table series(t: order, y: positive?)
b ~ Uniform(0, 1)
s ~ HalfNormal(1)
y[i] ~ LogNormal(0 if first(i) else b * log(y[i-1]), s + 0.1) for i in series
""",
        series="t,y\n1,1\n2,\n3,2\n4,\n5,\n6,1.5\n",
    ),
    case(
        "missing_vector_cell",
        """
index F = 2
table rows(x[F]: real? = "x_*", y: real)
m[F] ~ Normal(0, 1)
for n in rows:
    x[n, F] ~ Normal(m, 1)
    y[n] ~ Normal(sum(x[n]), 1)
""",
        rows="x_1,x_2,y\n1,0.3,1\n,2,0.5\n0.4,,2\n",
    ),
    case(
        "left_expressions",
        """
table rows(x: positive, y: real)
a ~ Normal(0, 1)
b ~ Normal(0, 1)
for n in rows:
    log(x[n]) ~ Normal(a, 1)
    0 ~ Normal(a - b * y[n], 1)
    z[n] = y[n] - mean(y)
    z[n] ~ Normal(b, 2)
""",
        rows="x,y\n1,0.3\n2,0.5\n0.4,2\n",
    ),
    case(
        "factor_param",
        """
table rows(x: real, y: real)
param a
param s: positive
b ~ Flat()
factor -0.5 * square(b - a)
y[n] ~ Normal(a + b * x[n], s) for n in rows
factor logp(Normal(0, 1), y[n] * a) for n in rows
""",
        rows=XY,
    ),
    case(
        "affine_recurrence",
        """
table series(t: order, y: real)
mu ~ Normal(0, 1)
phi ~ Uniform(-1, 1)
th ~ Uniform(-1, 1)
s ~ HalfNormal(1)
for i in series:
    err[i] = y[i] - mu if first(i) else y[i] - (mu + phi * y[i-1] + th * err[i-1])
    0 ~ Normal(err[i], s)
""",
        series=TY,
    ),
    case(
        "garch",
        """
table series(t: order, y: real)
a0 ~ HalfNormal(1)
a1 ~ Uniform(0, 1)
b1 ~ Uniform(0, 1 - a1)
for i in series:
    v[i] = a0 if first(i) else a0 + a1 * square(y[i-1]) + b1 * v[i-1]
    y[i] ~ Normal(0, sqrt(v[i]))
""",
        series=TY,
    ),
    case(
        "grouped_recurrence",
        """
index G
table series(g: G, t: order within g, y: real)
a[k] ~ Normal(0, 1) for k in G
b ~ Uniform(0, 1)
for i in series:
    m[i] = a[g[i]] if first(i) else b * m[i-1] + (1 - b) * y[i-1]
    y[i] ~ Normal(m[i], 1)
""",
        series=GROUPED,
    ),
    case(
        "logistic_map",
        """
index T = 5
table rows(t: T, y: real)
r ~ Uniform(0, 3)
x[i] = 0.3 if first(i) else r * x[i-1] * (1 - x[i-1]) for i in T
y[n] ~ Normal(x[t[n]], 1) for n in rows
""",
        rows="t,y\n1,0.4\n3,0.1\n2,1\n5,2\n",
    ),
    case(
        "mutual_recurrence",
        """
index T = 4
table rows(t: T, y: real)
a ~ Uniform(0, 1)
b ~ Uniform(0, 1)
prey[i] = 1 if first(i) else prey[i-1] * (1 + a - pred[i-1]) for i in T
pred[i] = 0.5 if first(i) else pred[i-1] + b * prey[i-1] * pred[i-1] for i in T
y[n] ~ Normal(prey[t[n]] + pred[t[n]], 1) for n in rows
""",
        rows="t,y\n1,0.4\n3,0.1\n2,1\n4,2\n",
    ),
    case(
        "recurrence_with_plate",
        """
index T = 4, K = 2
table rows(when: T, k: K, y: real)
a[i] ~ Uniform(0, 1) for i in K
x[i, t] = 1 if first(t) else a[i] * x[i, t-1] + 0.1 for i in K, t in T
z[i, t] = 1 if first(t) else exp(-a[i] * z[i, t-1]) for i in K, t in T
y[n] ~ Normal(x[k[n], when[n]] + z[k[n], when[n]], 1) for n in rows
""",
        rows="when,k,y\n1,1,0.4\n3,2,0.1\n2,1,1\n4,2,2\n",
    ),
    case(
        "recurrence_vector",
        """
index T = 4, K = 2
table rows(when: T, k: K, y: real)
A[K, K'] ~ Normal(0, 0.5)
x0[K] ~ Normal(0, 1)
x[t, i] = x0[i] if first(t) else sum(A[i, j] * x[t-1, j] for j in K) for t in T, i in K
y[n] ~ Normal(x[when[n], k[n]], 1) for n in rows
""",
        rows="when,k,y\n1,1,0.4\n3,2,0.1\n2,1,1\n4,2,2\n",
    ),
    case(
        "recurrence_whole_past",
        """
index T = 4
table rows(t: T, y: real)
a ~ Uniform(0, 1)
x[i] = 1 if first(i) else sum(a * x[s] for s in T if s < i) for i in T
y[n] ~ Normal(x[t[n]], 1) for n in rows
""",
        rows="t,y\n1,0.4\n3,0.1\n2,1\n4,2\n",
    ),
    case(
        "recurrence_second_order",
        """
index T = 5
table rows(t: T, y: real)
a ~ Uniform(0, 1)
x[i] = 1 if position(i) <= 2 else a * x[i-1] - 0.5 * x[i-2] for i in T
y[n] ~ Normal(x[t[n]], 1) for n in rows
""",
        rows="t,y\n1,0.4\n3,0.1\n2,1\n4,2\n5,1\n",
    ),
    case(
        "gaussian_process",
        """
table pts(x: real, y: real)
sd ~ HalfNormal(1)
ell ~ InverseGamma(5, 5)
s ~ HalfNormal(1)
f[pts] ~ MultivariateNormal(0, cov = RBF(x, sd = sd, length = ell) + diag(0.01))
y[i] ~ Normal(f[i], s) for i in pts
""",
        pts=XY,
    ),
    case(
        "gp_marginal",
        """
table pts(x: real, y: real)
sd ~ HalfNormal(1)
ell ~ InverseGamma(5, 5)
s ~ HalfNormal(1)
y[pts] ~ MultivariateNormal(0, cov = RBF(x, sd = sd, length = ell) + diag(square(s) + 0.01))
""",
        pts=XY,
    ),
    case(
        "defs",
        """
table rows(x: real, y: real)
def line(a, b, x) = a + b * x
def both(v: real) = line(v, 2, v) + exp(v)
a ~ Normal(0, 1)
b ~ Normal(0, 1)
y[n] ~ Normal(line(a, b, x[n]) + both(a), 1) for n in rows
""",
        rows=XY,
    ),
    case(
        "zscore_and_data",
        """
index regions
table voters(voted: bool, age: real, region: regions)
b0 ~ Normal(0, 2.5)
b ~ Normal(0, 1)
tau ~ HalfNormal(1)
a[r] ~ Normal(0, tau) for r in regions
for i in voters:
    eta[i] = b0 + b * zscore(age)[i] + a[region[i]]
    voted[i] ~ Bernoulli(logit = eta[i])
""",
        voters="voted,age,region\n1,30,n\n0,41,s\n1,22,n\n0,60,w\n",
    ),
    case(
        "given_arrays",
        """
index A = 2, B = 3
given M[A, B]: real
given N2[A, B]: real
given w[A]: positive
given N: count = 4
b[B] ~ Normal(0, 1)
s ~ HalfNormal(N)
M[i, j] ~ Normal(b[j], s * w[i]) for i in A, j in B
N2[i, B] ~ Normal(b, 2) for i in A
""",
        givens='{"M": [[1, 2, 3], [0.5, 1, -1]], "N2": [[1, 0, 3], [0.5, 2, -1]], "w": [1, 2]}',
    ),
    case(
        "matrix_product",
        """
index K = 2
table rows(y: real, x[K]: real = "x_*")
b[K] ~ Normal(0, 1)
s ~ HalfNormal(1)
for n in rows:
    y[n] ~ Normal(x[n] @ b, s)
""",
        rows="y,x_1,x_2\n0.4,1,3\n0.1,2,2\n1,3,1\n",
    ),
    case(
        "comparisons",
        """
index sexes = ["m", "f"]
table rows(sex: sexes, ok: bool, x: real, y: real)
a ~ Normal(0, 1)
b ~ Normal(0, 1)
y[n] ~ Normal(a * (sex[n] == "f") + b * ok[n] + (b if ok[n] and x[n] > 0 else a) * (0 < x[n] <= 1), 1) for n in rows
""",
        rows="sex,ok,x,y\nm,1,0.5,0.1\nf,0,-1,2\nf,1,3,1\n",
    ),
    case(
        "vector_functions",
        """
index K = 3
table rows(k: K, y: real)
a[K] ~ Normal(0, 1)
p[K] = softmax(a)
k[n] ~ Categorical(p) for n in rows
y[n] ~ Normal(logsumexp(a) + max(a) - sum(p[j] * a[j] for j in K) + mean(a), 1) for n in rows
""",
        rows="k,y\n1,0.4\n3,0.1\n2,1\n",
    ),
    case(
        "stacks",
        """
index K = 3
table rows(k: K, y: real)
a[i] ~ Normal(0, 1) for i in K
b ~ Normal(0, 1)
k[n] ~ Categorical(softmax([a[j] + b * y[n] for j in K])) for n in rows
""",
        rows="k,y\n1,0.4\n3,0.1\n2,1\n",
    ),
    case(
        "degenerate_bernoulli",
        """
table rows(z: bool, y: bool)
p ~ Beta(1, 1)
y[n] ~ Bernoulli(z[n] * p) for n in rows
""",
        rows="z,y\n1,1\n0,0\n1,0\n",
    ),
    case(
        "exact_plate_scale",
        """
index G, H
table rows(g: G, h: H, y: real)
sg ~ HalfNormal(1)
m[i] ~ Normal(0, sg) for i in G
sh[i] ~ HalfNormal(1) for i in G
v[i, j] ~ Normal(m[i], sh[i]) for i in G, j in H
y[n] ~ Normal(v[g[n], h[n]], 1) for n in rows
""",
        rows="g,h,y\na,p,0.4\na,q,1\nb,p,0.3\n",
    ),
    case(
        "conditional_support",
        """
index K = 3
table rows(k: K, y: real)
s[i] ~ Gamma(2, 1) if first(i) else LogNormal(0, s[i-1]) for i in K
y[n] ~ Normal(0, s[k[n]]) for n in rows
""",
        rows="k,y\n1,0.4\n3,0.1\n2,1\n",
    ),
    case(
        "weights_plain",
        """
table rows(y: real, n: weight)
m ~ Normal(0, 1)
y[i] ~ Normal(m, 1) for i in rows
""",
        rows="y,n\n0.4,1\n0.1,1\n1,1\n",
    ),
    case(
        "cumsum_event",
        """
index K = 3
table rows(k: K, y: real)
d[K] ~ HalfNormal(1)
c[K] = cumsum(d)
y[n] ~ Normal(c[k[n]], 1) for n in rows
""",
        rows="k,y\n1,0.4\n3,0.1\n2,1\n",
    ),
]

DISCRETE = [
    case(
        "mixture",
        """
index comps = 2
table points(x: real)
weight[comps] ~ Dirichlet(1)
mu[comps] ~ Ordered(Normal(0, 10))
sigma[k] ~ HalfNormal(5) for k in comps
for i in points:
    c[i] ~ Categorical(weight)
    x[i] ~ Normal(mu[c[i]], sigma[c[i]])
""",
        points="x\n0.3\n-1.2\n0.8\n",
    ),
    case(
        "mixture_inlined",
        """
index comps = 2
table points(x: real, y: real)
weight[comps] ~ Dirichlet(1)
mu[k] ~ Normal(0, 10) for k in comps
b ~ Normal(0, 1)
for i in points:
    c[i] ~ Categorical(weight)
    eta[i] = mu[c[i]] + b * y[i]
    twice[i] = 2 * eta[i]
    x[i] ~ Normal(eta[i], 1)
    y[i] ~ Normal(twice[i], 1)
""",
        points="x,y\n0.3,1\n-1.2,0\n0.8,-1\n",
    ),
    case(
        "two_per_row",
        """
table points(x: real)
p ~ Beta(1, 1)
m ~ Normal(0, 1)
for i in points:
    a[i] ~ Bernoulli(p)
    b[i] ~ Bernoulli(0.3 if a[i] else 0.6)
    x[i] ~ Normal(m * a[i] + 2 * b[i], 1)
""",
        points="x\n0.3\n-1.2\n0.8\n",
    ),
    case(
        "three_per_row",
        """
index K = 2
table points(x: real)
p0[K] = simplex([0.2, 0.8])
m[K] ~ Normal(0, 1)
for i in points:
    a[i] ~ Bernoulli(0.4)
    b[i] ~ Bernoulli(0.3)
    k[i] ~ Categorical(p0)
    x[i] ~ Normal(m[k[i]] * a[i] + 2 * b[i] * a[i], 1)
""",
        points="x\n0.3\n-1.2\n",
    ),
    case(
        "group_and_row",
        """
index G
table rows(g: G, y: real)
p ~ Beta(1, 1)
m ~ Normal(0, 1)
u[j] ~ Bernoulli(p) for j in G
for n in rows:
    v[n] ~ Bernoulli(0.2 + 0.5 * u[g[n]])
    y[n] ~ Normal(m * v[n] + u[g[n]], 1)
""",
        rows="g,y\na,0.3\nb,1\na,-0.5\n",
    ),
    case(
        "gathered_latent",
        """
index G, K = 2
table rows(g: G, y: real)
w[K] ~ Dirichlet(1)
m[K] ~ Normal(0, 1)
z[j] ~ Categorical(w) for j in G
y[n] ~ Normal(m[z[g[n]]], 1) for n in rows
""",
        rows="g,y\na,0.3\nb,1\na,-0.5\nc,2\n",
    ),
    case(
        "gathered_twice",
        """
index P
table rows(a: P, b: P, y: real)
m ~ Normal(0, 1)
z[p] ~ Bernoulli(0.3) for p in P
y[n] ~ Normal(m * z[a[n]] + z[b[n]], 1) for n in rows
""",
        rows="a,b,y\nx,y,0.3\ny,z,1\n",
    ),
    case(
        "change_point",
        """
table series(t: order, y: count)
early ~ Exponential(1)
late ~ Exponential(1)
switch ~ DiscreteUniform(series)
y[i] ~ Poisson(early if position(i) < position(switch) else late) for i in series
""",
        series="t,y\n1,3\n2,4\n3,1\n4,0\n",
    ),
    case(
        "change_point_integer",
        """
table series(t: order, y: count)
early ~ Exponential(1)
late ~ Exponential(1)
switch ~ DiscreteUniform(1, 4)
y[i] ~ Poisson(early if position(i) < switch else late) for i in series
""",
        counts=4,
        series="t,y\n1,3\n2,4\n3,1\n4,0\n",
    ),
    case(
        "hmm",
        """
index states = 2
table series(t: order, y: real)
init[states] ~ Dirichlet(1)
trans[s, states] ~ Dirichlet(1) for s in states
mu[s] ~ Normal(0, 10) for s in states
for i in series:
    z[i] ~ Categorical(init if first(i) else trans[z[i-1]])
    y[i] ~ Normal(mu[z[i]], 1)
""",
        series="t,y\n1,0.3\n2,-1.2\n3,0.8\n4,0.2\n5,0.9\n",
    ),
    case(
        "hmm_groups",
        """
index states = 2, G
table series(g: G, t: order within g, y: real)
init[states] ~ Dirichlet(1)
trans[s, states] ~ Dirichlet(1) for s in states
mu[s] ~ Normal(0, 10) for s in states
for i in series:
    z[i] ~ Categorical(init if first(i) else trans[z[i-1]])
    y[i] ~ Normal(mu[z[i]], 1)
""",
        series=GROUPED,
    ),
    case(
        "hmm_logit_previous",
        """
index states = 2
table series(t: order, y: real)
p0[states] = simplex([0.5, 0.5])
a[s, k] ~ Normal(0, 1) for s in states, k in states
mu[s] ~ Normal(0, 10) for s in states
for i in series:
    z[i] ~ Categorical(p0) if first(i) else Categorical(logit = a[z[i-1]])
    y[i] ~ Normal(mu[z[i]] + (0 if first(i) else mu[z[i-1]]), 1)
""",
        series="t,y\n1,0.3\n2,-1.2\n3,0.8\n4,0.2\n",
    ),
    case(
        "hmm_autoregressive",
        """
index states = 2
table series(t: order, y: real)
p0[states] = simplex([0.4, 0.6])
trans[s, states] ~ Dirichlet(1) for s in states
b[s] ~ Normal(0, 1) for s in states
for i in series:
    z[i] ~ Categorical(p0 if first(i) else trans[z[i-1]])
    y[i] ~ Normal(0 if first(i) else b[z[i]] * y[i-1], 1)
""",
        series="t,y\n1,0.3\n2,-1.2\n3,0.8\n4,0.2\n",
    ),
    case(
        "hmm_late_start",
        """
index sites = 2, times = 4, states = 2
given start[sites]: count
table obs(site: sites, time: times, y: real)
p0[states] = simplex([0.3, 0.7])
trans[s, states] ~ Dirichlet(1) for s in states
mu[s] ~ Normal(0, 1) for s in states
z[i, t] ~ Categorical(p0 if position(t) == start[i] else trans[z[i, t-1]]) for i in sites, t in times if position(t) >= start[i]
y[n] ~ Normal(mu[z[site[n], time[n]]], 1) for n in obs
""",
        givens='{"start": [1, 3]}',
        obs="site,time,y\n1,1,0.3\n1,3,1\n2,4,-0.4\n1,4,2\n",
    ),
    case(
        "hmm_bool",
        """
index sites = 2, times = 3
table obs(site: sites, time: times, y: bool)
phi ~ Beta(1, 1)
p ~ Beta(1, 1)
z[i, t] ~ Bernoulli(0.6 if first(t) else phi * z[i, t-1]) for i in sites, t in times
y[n] ~ Bernoulli(p * z[site[n], time[n]]) for n in obs
""",
        obs="site,time,y\n1,1,1\n1,3,0\n2,2,1\n2,3,0\n",
    ),
    case(
        "factorial_hmm",
        """
index chains = 2, states = 2
table series(t: order, y: real)
init[m, states] ~ Dirichlet(1) for m in chains
trans[m, s, states] ~ Dirichlet(1) for m in chains, s in states
level[m, s] ~ Normal(0, 5) for m in chains, s in states
sigma ~ HalfNormal(1)
for i in series:
    z[m, i] ~ Categorical(init[m] if first(i) else trans[m, z[m, i-1]]) for m in chains
    y[i] ~ Normal(sum(level[m, z[m, i]] for m in chains), sigma)
""",
        series="t,y\n1,0.3\n2,-1.2\n3,0.8\n",
    ),
    case(
        "coupled_chains",
        """
index A = 2, B = 2
table series(t: order, y: real)
pa[A] = simplex([0.5, 0.5])
pb[B] = simplex([0.2, 0.8])
ta[s, A] ~ Dirichlet(1) for s in A
tb[s, B] ~ Dirichlet(1) for s in B
m[A, B] ~ Normal(0, 1)
for i in series:
    a[i] ~ Categorical(pa if first(i) else ta[a[i-1]])
    b[i] ~ Categorical(pb if first(i) else tb[b[i-1]])
    y[i] ~ Normal(m[a[i], b[i]], 1)
""",
        series="t,y\n1,0.3\n2,-1.2\n3,0.8\n",
    ),
    case(
        "second_order_chain",
        """
index K = 2
table series(t: order, y: real)
p0[K] = simplex([0.5, 0.5])
tr[i, j, K] ~ Dirichlet(1) for i in K, j in K
m[K] ~ Normal(0, 1)
for i in series:
    z[i] ~ Categorical(p0 if position(i) <= 2 else tr[z[i-1], z[i-2]])
    y[i] ~ Normal(m[z[i]], 1)
""",
        series="t,y\n1,0.3\n2,-1.2\n3,0.8\n4,1\n5,0.2\n",
    ),
    case(
        "n_mixture",
        """
index sites
table visits(site: sites, y: count)
lam ~ Gamma(2, 1)
p ~ Beta(1, 1)
N[s] ~ Poisson(lam) for s in sites
y[v] ~ Binomial(N[site[v]], p) for v in visits
""",
        counts=54,
        visits="site,y\na,1\nb,2\na,0\n",
    ),
    case(
        "n_mixture_bound",
        """
index sites
table visits(site: sites, y: count)
lam ~ Gamma(2, 1)
p ~ Beta(1, 1)
N[s] ~ Truncated(Poisson(lam), upper = 5) for s in sites
y[v] ~ Binomial(N[site[v]], p) for v in visits
""",
        counts=5,
        visits="site,y\na,1\nb,2\na,0\n",
    ),
    case(
        "occupancy",
        """
index sites
table visits(site: sites, y: bool)
psi ~ Beta(1, 1)
p ~ Beta(1, 1)
z[s] ~ Bernoulli(psi) for s in sites
y[v] ~ Bernoulli(z[site[v]] * p) for v in visits
""",
        visits="site,y\na,1\nb,0\na,0\nc,0\nc,0\n",
    ),
    case(
        "missing_bool",
        """
table rows(x: bool?, y: real)
p ~ Beta(1, 1)
b ~ Normal(0, 1)
for n in rows:
    x[n] ~ Bernoulli(p)
    y[n] ~ Normal(b * x[n], 1)
""",
        rows="x,y\n1,0.4\n,0.3\n0,1\n,-2\n",
    ),
    case(
        "missing_label",
        """
index K = ["u", "v", "w"]
table rows(k: K?, y: real)
p[K] ~ Dirichlet(1)
m[K] ~ Normal(0, 1)
for n in rows:
    k[n] ~ Categorical(p)
    y[n] ~ Normal(m[k[n]], 1)
""",
        rows="k,y\nu,0.4\n,0.3\nw,1\n,-2\nv,0\n",
    ),
    case(
        "tagger_semi_supervised",
        """
index sents, tags = ["D", "N"]
table words(sent: sents, pos: order within sent, tag: tags?, x: real)
start[k] ~ Normal(0, 1) for k in tags
trans[a, k] ~ Normal(0, 1) for a in tags, k in tags
m[k] ~ Normal(0, 1) for k in tags
for n in words:
    tag[n] ~ Categorical(logit = start if first(n) else trans[tag[n-1]])
    x[n] ~ Normal(m[tag[n]], 1)
""",
        words="sent,pos,tag,x\ns1,1,D,0.1\ns1,2,,1\ns1,3,N,0\ns2,1,,1\ns2,2,,0.3\n",
    ),
    case(
        "distribution_by_latent",
        """
table rows(y: real)
p ~ Beta(1, 1)
m ~ Normal(0, 1)
for n in rows:
    z[n] ~ Bernoulli(p)
    y[n] ~ Normal(m, 1) if z[n] else StudentT(3, m, 2)
""",
        rows="y\n0.4\n0.1\n1\n",
    ),
    case(
        "global_switch",
        """
table rows(x: real, y: real)
b ~ Normal(0, 1)
use ~ Bernoulli(0.4)
y[n] ~ Normal(use * b * x[n], 1) for n in rows
""",
        rows=XY,
    ),
    case(
        "latent_prior_by_state",
        """
index G
table rows(g: G, y: real)
p ~ Beta(1, 1)
for j in G:
    z[j] ~ Bernoulli(p)
    a[j] ~ Normal(0, 3 if z[j] else 0.3)
y[n] ~ Normal(a[g[n]], 1) for n in rows
""",
        rows="g,y\na,0.3\nb,1\na,-0.5\n",
    ),
    case(
        "nested_plates_latent",
        """
index G, H
table rows(g: G, h: H, y: real)
m ~ Normal(0, 1)
z[i, j] ~ Bernoulli(0.3) for i in G, j in H
y[n] ~ Normal(m * z[g[n], h[n]], 1) for n in rows
""",
        rows="g,h,y\na,p,0.3\nb,q,1\na,q,-0.5\n",
    ),
    case(
        "capture_recapture",
        """
index animals = 3, times = 3
given y[animals, times]: bool
given f[animals]: count
phi ~ Beta(1, 1)
p ~ Beta(1, 1)
z[i, t] ~ Bernoulli(1 if position(t) == f[i] else z[i, t-1] * phi) for i in animals, t in times if position(t) >= f[i]
y[i, t] ~ Bernoulli(p * z[i, t]) for i in animals, t in times if position(t) > f[i]
""",
        givens='{"y": [[1, 0, 1], [0, 1, 0], [1, 0, 0]], "f": [1, 2, 1]}',
    ),
    case(
        "sum_over_latents",
        """
index K = 3
table rows(y: real)
m ~ Normal(0, 1)
z[k] ~ Bernoulli(0.3) for k in K
y[n] ~ Normal(m * sum(z[k] for k in K), 1) for n in rows
""",
        rows=Y,
    ),
    case(
        "event_axis_latent",
        """
index F = 2
table rows(y: real)
m[F] ~ Normal(0, 1)
for n in rows:
    z[n, F] ~ Bernoulli(0.3)
    y[n] ~ Normal(m[1] * z[n, 1] + m[2] * z[n, 2], 1)
""",
        rows="y\n0.4\n0.1\n",
    ),
    case(
        "lag_filtered",
        """
index K = 2
table series(t: order, y: real)
p0[K] = simplex([0.5, 0.5])
tr[s, K] ~ Dirichlet(1) for s in K
m[K] ~ Normal(0, 1)
for i in series:
    z[i] ~ Categorical(p0 if first(i) else tr[z[i-1]])
y[i] ~ Normal(m[z[i]], 1) for i in series if position(i) > 2
""",
        series="t,y\n1,0.3\n2,-1.2\n3,0.8\n4,1\n",
    ),
    case(
        "change_point_group",
        """
index G, times = 3
table rows(g: G, time: times, y: real)
a ~ Normal(0, 1)
b ~ Normal(0, 1)
cp[j] ~ DiscreteUniform(times) for j in G
y[n] ~ Normal(a if time[n] < cp[g[n]] else b, 1) for n in rows
""",
        rows="g,time,y\nu,1,0.3\nv,2,-1.2\nu,3,0.8\nv,1,1\n",
    ),
    case(
        "lda",
        """
index docs, vocab, topics = 2
table tokens(doc: docs, word: vocab)
theta[d, topics] ~ Dirichlet(0.5) for d in docs
phi[k, vocab] ~ Dirichlet(0.5) for k in topics
for n in tokens:
    z[n] ~ Categorical(theta[doc[n]])
    word[n] ~ Categorical(phi[z[n]])
""",
        tokens="doc,word\na,x\na,y\nb,x\nb,z\n",
    ),
]
