data { int<lower=1> n; vector[n] u; vector[n] v; matrix[2, 2] alpha; vector[2] centre; }
parameters { array[2] simplex[2] theta; positive_ordered[2] phi; positive_ordered[2] lambda; }
model {
  matrix[2, n] emission;
  matrix[2, 2] move;
  for (s in 1:2) {
    theta[s] ~ dirichlet(alpha[s]');
    move[s] = theta[s]';
    for (t in 1:n)
      emission[s, t] = exponential_lpdf(u[t] | phi[s]) + exponential_lpdf(v[t] | lambda[s]);
  }
  phi ~ normal(centre, 1);
  lambda ~ normal(centre, 1);
  target += hmm_marginal(emission, move, rep_vector(0.5, 2));
}
