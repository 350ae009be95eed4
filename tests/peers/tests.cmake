# Comparisons with PyTorch (Debian: python3-torch) on MNIST and CIFAR-10; skipped where something is missing.
find_program(PEER_PYTHON NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH)
if(PEER_PYTHON AND TARGET dropcl)
  foreach(name one_step smoothing batch_norm conv same_model three_seeds)
    add_script(peers_${name} long 1800 ${PEER_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/peers/${name}.py)
    set_tests_properties(peers_${name} PROPERTIES SKIP_RETURN_CODE 77)
    set_environment(peers_${name} DROPCL=$<TARGET_FILE:dropcl> PYTHONDONTWRITEBYTECODE=1)
  endforeach()
endif()
