data { int<lower=0> n; int<lower=1> k; matrix[n, k] x; array[n] int<lower=0, upper=1> y; }
parameters { real b0; vector[k] b; }
model {
  b0 ~ normal(0, 2.5);
  b ~ std_normal();
  y ~ bernoulli_logit_glm(x, b0, b);
}
