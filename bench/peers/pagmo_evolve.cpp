/*
 * pagmo_evolve.cpp - pagmo2's sga, de and cmaes on Rastrigin, as bench/evolve.py asks: ALGO POPULATION DIM GENERATIONS.
 *
 * Prints the seconds of the evolution alone, its evaluations and the best. Built by the script where libpagmo-dev is.
 *
 * SPDX-License-Identifier: MIT
 */
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <pagmo/algorithm.hpp>
#include <pagmo/algorithms/cmaes.hpp>
#include <pagmo/algorithms/de.hpp>
#include <pagmo/algorithms/sga.hpp>
#include <pagmo/population.hpp>
#include <pagmo/problem.hpp>
#include <pagmo/problems/rastrigin.hpp>

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    const std::string name = argv[1];
    const unsigned generations = static_cast<unsigned>(std::atoi(argv[4]));
    const pagmo::problem problem{pagmo::rastrigin(static_cast<unsigned>(std::atoi(argv[3])))};
    pagmo::population population{problem, static_cast<unsigned>(std::atoi(argv[2])), 1U};
    pagmo::algorithm algorithm;

    if (name == "ga") // one point, gaussian, tournament of 3: ours
        algorithm = pagmo::algorithm{pagmo::sga(generations, 0.8, 1., 0.01, 0.01, 3U, "single", "gaussian", "tournament")};
    else if (name == "de")
        algorithm = pagmo::algorithm{pagmo::de(generations)};
    else
        algorithm = pagmo::algorithm{pagmo::cmaes(generations, -1, -1, -1, -1, 0.5, 0., 0., false, true)};
    const auto before = population.get_problem().get_fevals();
    const auto start = std::chrono::steady_clock::now();
    population = algorithm.evolve(population);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    std::printf("%.6f %llu %.9g\n", took.count(),
                static_cast<unsigned long long>(population.get_problem().get_fevals() - before),
                population.champion_f()[0]);
    return 0;
}
