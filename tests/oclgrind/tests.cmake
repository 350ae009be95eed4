# Kernels under an interpreter that checks every address, every pair of work-items and every first read.
add_executable(oclgrind_faulty ${CMAKE_CURRENT_SOURCE_DIR}/oclgrind/faulty.c
               ${CMAKE_CURRENT_SOURCE_DIR}/harness/op_opencl.c)
target_link_libraries(oclgrind_faulty PRIVATE PkgConfig::CHECK ${DEPENDENCIES})
target_include_directories(oclgrind_faulty PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
foreach(mode memory races uninitialized)
  add_script(oclgrind_${mode} oclgrind 1800 sh ${CMAKE_CURRENT_SOURCE_DIR}/oclgrind/run.sh ${mode}
             ${CMAKE_CURRENT_BINARY_DIR})
  # The longest tests there are: at the end, each would keep one core busy and leave the others idle.
  set_tests_properties(oclgrind_${mode} PROPERTIES COST 1000)
endforeach()
if(Python3_FOUND AND TARGET dropcl)
  add_script(oclgrind_program oclgrind 900 ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/oclgrind/program.py)
  set_environment(oclgrind_program DROPCL=$<TARGET_FILE:dropcl> PYTHONDONTWRITEBYTECODE=1)
endif()
