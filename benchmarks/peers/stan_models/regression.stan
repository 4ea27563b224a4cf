data {
  int<lower=0> n; int<lower=1> k; matrix[n, k] x; vector[n] y;
  real<lower=0> coefficient;           // sd of the coefficients' prior; 0: flat
  int<lower=0, upper=2> sigma_family;  // 0: flat, 1: half-Cauchy, 2: half-normal
  real<lower=0> sigma_scale;
}
parameters { vector[k] beta; real<lower=0> sigma; }
model {
  if (coefficient > 0) beta ~ normal(0, coefficient);
  if (sigma_family == 1) sigma ~ cauchy(0, sigma_scale);
  if (sigma_family == 2) sigma ~ normal(0, sigma_scale);
  y ~ normal_id_glm(x, 0, beta, sigma);
}
