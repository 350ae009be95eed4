# Measurements against peers. None is a test: timings on a shared machine decide nothing by themselves. Built
# on request: ninja bench_peers
add_executable(peak EXCLUDE_FROM_ALL ${CMAKE_CURRENT_SOURCE_DIR}/bench/peak.c)
link_layers(peak float ${LAYERS})
add_executable(dropconnect_vs_dense EXCLUDE_FROM_ALL ${CMAKE_CURRENT_SOURCE_DIR}/bench/dropconnect_vs_dense.c)
link_layers(dropconnect_vs_dense float ${LAYERS})
add_custom_target(bench_peers DEPENDS peak dropconnect_vs_dense)

pkg_check_modules(OPENBLAS IMPORTED_TARGET openblas)
if(OPENBLAS_FOUND)
  add_executable(gemm_vs_openblas EXCLUDE_FROM_ALL ${CMAKE_CURRENT_SOURCE_DIR}/bench/gemm_vs_openblas.c)
  link_layers(gemm_vs_openblas float ${LAYERS})
  target_link_libraries(gemm_vs_openblas PRIVATE PkgConfig::OPENBLAS)
  add_dependencies(bench_peers gemm_vs_openblas)
endif()
