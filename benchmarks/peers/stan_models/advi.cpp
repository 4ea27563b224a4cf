// Runs Stan's own ADVI on a compiled model: advi DATA.json OUT.csv mean_field|full_rank STEPS TOLERANCE SEED DRAWS GRADIENT_DRAWS
// PyStan 3 offers sampling only, but what it installs holds the services that CmdStan calls; so does this.
#include <stan/callbacks/interrupt.hpp>
#include <stan/callbacks/stream_logger.hpp>
#include <stan/callbacks/stream_writer.hpp>
#include <stan/io/empty_var_context.hpp>
#include <stan/io/json/json_data.hpp>
#include <stan/model/model_base.hpp>
#include <stan/services/experimental/advi/fullrank.hpp>
#include <stan/services/experimental/advi/meanfield.hpp>
#include <fstream>
#include <iostream>
#include <string>

stan::model::model_base& new_model(stan::io::var_context& data, unsigned int seed, std::ostream* out);

int main(int count, char** word) {
  if (count != 9) return 2;
  std::ifstream file(word[1]);
  stan::json::json_data data(file);
  std::ofstream out(word[2]);
  const std::string family(word[3]);
  const int steps = std::stoi(word[4]), draws = std::stoi(word[7]);
  const int gradient_draws = std::stoi(word[8]);
  const double tolerance = std::stod(word[5]);
  const unsigned int seed = std::stoul(word[6]);
  stan::model::model_base& model = new_model(data, seed, &std::cerr);
  stan::io::empty_var_context start;
  stan::callbacks::interrupt interrupt;
  stan::callbacks::stream_logger logger(std::cerr, std::cerr, std::cerr, std::cerr, std::cerr);
  stan::callbacks::writer nowhere;
  stan::callbacks::stream_writer table(out, "# ");
  // CmdStan's defaults: 100 draws for the ELBO every 100 steps, the step size adapted in 50 steps.
  const auto run = [&](auto service) {
    return service(model, start, seed, 1, 2.0, gradient_draws, 100, steps, tolerance, 1.0, true, 50, 100, draws, interrupt,
                   logger, nowhere, table, nowhere);
  };
  namespace advi = stan::services::experimental::advi;
  return run(family == "full_rank" ? advi::fullrank<stan::model::model_base>
                                   : advi::meanfield<stan::model::model_base>);
}
