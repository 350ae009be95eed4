# Tests that are scripts. Names say what they are about; labels as for the suites.

# add_script(NAME LABELS TIMEOUT COMMAND...): runs COMMAND in the source folder.
function(add_script name labels timeout)
  add_test(NAME ${name} COMMAND ${ARGN} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS "${labels}" TIMEOUT ${timeout})
endfunction()

function(set_environment name)
  set_property(TEST ${name} APPEND PROPERTY ENVIRONMENT ${ARGN})
endfunction()

foreach(check layers sizes format planted)
  add_script(style_${check} style 120 sh ${CMAKE_CURRENT_SOURCE_DIR}/style/${check}.sh ${CMAKE_SOURCE_DIR})
endforeach()

# The command line as a user meets it. Where a device does the work, once on the C reference and once on POCL.
find_package(Python3 COMPONENTS Interpreter)
if(Python3_FOUND AND TARGET dropcl)
  set(CLI ${CMAKE_CURRENT_SOURCE_DIR}/cli)
  set(PROGRAM DROPCL=$<TARGET_FILE:dropcl> PYTHONDONTWRITEBYTECODE=1)
  foreach(name usage bad_input lab_inside)
    add_script(cli_${name} cpu 600 ${Python3_EXECUTABLE} ${CLI}/test_${name}.py)
    set_environment(cli_${name} ${PROGRAM} DROPCL_DEVICE=cpu)
  endforeach()
  foreach(name runs json predict mask bench sweep report lab)
    foreach(device cpu pocl)
      add_script(cli_${name}_${device} cpu 1200 ${Python3_EXECUTABLE} ${CLI}/test_${name}.py)
      set_environment(cli_${name}_${device} ${PROGRAM} DROPCL_DEVICE=${device})
    endforeach()
    set_property(TEST cli_${name}_pocl PROPERTY LABELS ocl)
  endforeach()
  foreach(name bits large_dataset gpu_family augment tta accumulate)
    add_script(cli_${name} ocl 900 ${Python3_EXECUTABLE} ${CLI}/test_${name}.py)
    set_environment(cli_${name} ${PROGRAM} DROPCL_DEVICE=pocl)
  endforeach()
  set(MASKS ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/masks.py $<TARGET_FILE:dropcl> ${CMAKE_SOURCE_DIR})
  add_script(masks_cpu ocl 600 ${MASKS} cpu pocl)
  add_script(masks_gpu ocl 600 ${MASKS} pocl)
  foreach(family cpu gpu)
    set_environment(masks_${family} PYTHONDONTWRITEBYTECODE=1 DROPCL_FAMILY=${family})
  endforeach()
  # The recipes that come with the program, on real data.
  foreach(part compare_cpu compare_gpu accuracy)
    add_script(models_${part} long 1800 ${Python3_EXECUTABLE} ${CLI}/test_models.py -k ${part})
    set_environment(models_${part} ${PROGRAM} DROPCL_DEVICE=pocl)
    set_tests_properties(models_${part} PROPERTIES SKIP_REGULAR_EXPRESSION "OK \\(skipped")
  endforeach()
  add_script(run_script style 120 ${Python3_EXECUTABLE} ${CLI}/test_run_script.py)
  set_environment(run_script PYTHONDONTWRITEBYTECODE=1)
endif()

# The installed library, through pkg-config, as another program meets it.
add_script(install_example ocl 300 sh ${CMAKE_CURRENT_SOURCE_DIR}/cli/install.sh ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})

add_script(sanitizers long 2400 sh ${CMAKE_CURRENT_SOURCE_DIR}/sanitize.sh ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
set_tests_properties(sanitizers PROPERTIES RUN_SERIAL ON)

# Tests of other folders register themselves.
file(GLOB more CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*/tests.cmake)
foreach(file ${more})
  include(${file})
endforeach()
