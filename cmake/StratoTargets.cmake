# How every target of the house is compiled: warnings, sanitizers, include root.
#
# strato_library(NAME [OBJECT|STATIC] SOURCES ... [LINK ...])   a library of one room
# strato_program(NAME SOURCES ... [LINK ...])                   an executable
# strato_test(NAME SOURCES ... [LINK ...] [LABELS ...])         a cmocka test, registered with ctest
#
# Project headers are included from the root ("core/cursor.h"), generated ones from the build tree's
# gen/ ("schemas/gpu.h"). LINK is PUBLIC for libraries, PRIVATE for the rest.

option(STRATO_FUZZ "Build the libFuzzer harnesses (clang only)" OFF)
option(STRATO_WERROR "Warnings are errors" ON)
set(STRATO_SANITIZE "" CACHE STRING "Comma list for -fsanitize=, e.g. address,undefined or thread")
set(STRATO_GEN_DIR ${CMAKE_BINARY_DIR}/gen)

add_library(strato_flags INTERFACE)
target_compile_features(strato_flags INTERFACE c_std_11)
# _GNU_SOURCE: memfd_create, eventfd, argp and friends; this house is Linux only.
target_compile_definitions(strato_flags INTERFACE _GNU_SOURCE)
target_compile_options(strato_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
  -fno-omit-frame-pointer -fno-strict-aliasing
  $<$<BOOL:${STRATO_WERROR}>:-Werror>
  # Strict arithmetic everywhere: the oracle must give the same bits on every machine (gpu.md section 6).
  -ffp-contract=off)
target_include_directories(strato_flags INTERFACE ${CMAKE_SOURCE_DIR} ${STRATO_GEN_DIR})
if(STRATO_SANITIZE)
  target_compile_options(strato_flags INTERFACE -fsanitize=${STRATO_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(strato_flags INTERFACE -fsanitize=${STRATO_SANITIZE})
endif()
if(STRATO_FUZZ)
  target_compile_options(strato_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

function(strato_library name)
  cmake_parse_arguments(A "OBJECT;STATIC" "" "SOURCES;LINK" ${ARGN})
  if(A_OBJECT)
    add_library(${name} OBJECT ${A_SOURCES})
  else()
    add_library(${name} STATIC ${A_SOURCES})
  endif()
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden)
  target_link_libraries(${name} PRIVATE $<BUILD_INTERFACE:strato_flags> PUBLIC ${A_LINK})
  add_dependencies(${name} strato_generate)
endfunction()

function(strato_program name)
  cmake_parse_arguments(A "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE strato_flags ${A_LINK})
  add_dependencies(${name} strato_generate)
endfunction()

function(strato_test name)
  cmake_parse_arguments(A "" "" "SOURCES;LINK;LABELS" ${ARGN})
  if(NOT BUILD_TESTING)
    return()
  endif()
  strato_program(${name} SOURCES ${A_SOURCES} LINK ${A_LINK} PkgConfig::CMOCKA)
  target_compile_options(${name} PRIVATE -Wno-missing-prototypes)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 300 LABELS "${A_LABELS}")
endfunction()
