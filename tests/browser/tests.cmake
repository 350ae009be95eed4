# The pages in a browser: Chromium without a window.
find_program(CHROMIUM NAMES chromium chromium-browser)
if(Python3_FOUND AND CHROMIUM AND TARGET dropcl)
  add_script(browser long 1800 ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/browser/test_pages.py)
  set_environment(browser ${PROGRAM} DROPCL_DEVICE=pocl CHROMIUM=${CHROMIUM})
endif()
